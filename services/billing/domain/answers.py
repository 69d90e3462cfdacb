"""What a gateway can answer, in our words. No answer at all is an exception, not one of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Captured:
    """The money is collected, once, under our reference. `provider_reference` is the gateway's own id."""

    reference: str
    provider_reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money went back, once, under our reference."""

    reference: str
    provider_reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The gateway refused for good; nothing was moved under this reference."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaptureCall:
    """What the gateway needs to collect money. The reference is also the idempotency key."""

    reference: str
    amount_minor: int
    currency: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class RefundCall:
    """What the gateway needs to give money back, of the capture with `capture_reference`."""

    reference: str
    capture_reference: str
    amount_minor: int
    currency: str
