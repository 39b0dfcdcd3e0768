"""Records in; text, JSON and pictures out."""
