"""`doorstep up`: the processes of an embedded system, and how they are kept."""
