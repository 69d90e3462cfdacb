"""What the orders service does about the facts of the others, one file per subject."""
