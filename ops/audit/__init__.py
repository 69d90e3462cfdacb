"""`doorstep audit`: checkpoints that are signed, exports, and the proof that needs nothing of the system."""
