"""Ways to hand a message to a mail system, each behind the `Sender` protocol."""
