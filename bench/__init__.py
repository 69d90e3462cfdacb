"""The measured claims. `make bench` runs them on this machine and prints what came out."""
