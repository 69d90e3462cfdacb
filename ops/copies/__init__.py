"""`doorstep backup` and `restore`."""
