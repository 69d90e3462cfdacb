"""What billing decides: pure functions on frozen values. No input or output, no clock, no random number."""
