"""Puts processes together, watches them, and gives the public API."""
