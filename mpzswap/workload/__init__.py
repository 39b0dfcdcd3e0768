"""What sends pages: usemem and the run around it."""
