"""What shipping decides: pure functions of frozen values. No I/O, no clock."""
