"""`doorstep heal`: one copy of a service's history made again from the other."""
