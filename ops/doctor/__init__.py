"""`doorstep doctor`: what is wrong, and what waits for people, in plain words."""
