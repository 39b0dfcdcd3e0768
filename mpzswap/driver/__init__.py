"""The iaa_crypto driver: chooses queues, prepares, polls, falls back, counts."""
