"""Tracking numbers of our own range, in the 13 characters of UPU standard S10: `DS 00000001 4 DE` without
blanks.

Two letters of service, eight digits of serial, a check digit over the serial, two letters of country. S10
sets DA-DZ aside for domestic and bilateral use, which is what an own range is; a number that crosses borders
through a postal service needs a range granted by that service.
"""

from __future__ import annotations

SERIAL_MAX = 99_999_999
WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def check_digit(serial: int) -> int:
    """The S10 check digit: 11 - (weighted sum mod 11); 10 becomes 0, 11 becomes 5. 47312482 has 9."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, f"{serial:08}", strict=True))
    remainder = 11 - total % 11
    return {10: 0, 11: 5}.get(remainder, remainder)


def tracking_number(prefix: str, serial: int, suffix: str) -> str:
    """The number with its check digit. Raises `ValueError` for a serial outside eight digits."""
    if not 0 <= serial <= SERIAL_MAX:
        raise ValueError(f"serial {serial} does not fit in eight digits")
    return f"{prefix}{serial:08}{check_digit(serial)}{suffix}"
