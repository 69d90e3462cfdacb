"""Documents, drawn when asked for from recorded events alone: the same events, the same bytes."""
