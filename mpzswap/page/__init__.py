"""Pages of 4 KiB: what they are, and where they come from."""
