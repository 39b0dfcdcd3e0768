"""Whose time it is, and how long things took."""
