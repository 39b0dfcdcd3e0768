"""One compression algorithm a file, behind one contract."""
