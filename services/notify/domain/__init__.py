"""The rules of notify: pure, no I/O, no clock."""
