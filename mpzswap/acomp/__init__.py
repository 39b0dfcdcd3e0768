"""The request between zswap and a driver: compress these pages, into there."""
