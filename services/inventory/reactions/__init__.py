"""What inventory does by itself, one sentence per file."""
