"""Documents rendered on demand from immutable events."""
