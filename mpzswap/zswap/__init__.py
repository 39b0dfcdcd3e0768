"""Stores, loads and forgets pages in a compressed pool, as mm/zswap.c does."""
