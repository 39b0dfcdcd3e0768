"""Descriptors, the lanes they travel on, and the shared memory beneath."""
