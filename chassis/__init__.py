"""What every service stands on: one way from a message to a committed, published fact. Knows no business word."""
