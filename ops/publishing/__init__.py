"""What `doorstep publish` sends: publications made from files. Pure: no bus, no clock."""
