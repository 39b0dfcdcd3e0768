"""The command line: parses, builds, runs, prints."""
