"""Looking back: timelines, and replay in its three forms."""
