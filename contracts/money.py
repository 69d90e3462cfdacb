"""Money in integer minor units, and the arithmetic that keeps every cent.

Rules: reference 7.7 (tax inside a gross price), 7.8 (largest remainder), 7.10 (partial refunds),
7.11 (currency exponents). Rounding is half away from zero everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from contracts.currencies import EXPONENTS

FLOAT_NOISE = Decimal("0.000001")
"""A share of the minor unit that only binary floating point can have left."""


class NotMoney(ValueError):
    """The text is not an amount of this currency: not a number, or finer than its smallest unit."""


class UnknownCurrency(NotMoney):
    """A code that ISO 4217 does not know: how many decimals it has must not be guessed."""


class MixedCurrencies(ValueError):
    """Two currencies in one sum. Convert first, at a stored rate."""


def exponent(currency: str) -> int:
    """Decimals of the currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD. Raises `UnknownCurrency`."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not a currency (ISO 4217)") from None


def to_minor(amount: str | int | float | Decimal, currency: str) -> int:
    """Minor units of a major amount as a channel writes it: `"12.50"` EUR is 1250, `"9899"` JPY is 9899.

    A float is read through its shortest decimal text. Raises `NotMoney` for anything that is not a finite
    number; digits below the minor unit are dropped only if they are float noise, otherwise refused.
    """
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        raise NotMoney(f"{amount!r} is not an amount") from None
    if not value.is_finite():
        raise NotMoney(f"{amount!r} is not a finite amount")
    scaled = value.scaleb(exponent(currency))
    minor = int(scaled.to_integral_value())
    if abs(scaled - minor) > FLOAT_NOISE:
        raise NotMoney(f"{amount!r} is finer than the smallest unit of {currency}")
    return minor


def from_minor(minor: int, currency: str) -> str:
    """The major amount as text: 1250 EUR is `"12.50"`."""
    return str(Decimal(minor).scaleb(-exponent(currency)))


def divide_half_up(numerator: int, denominator: int) -> int:
    """Integer division, rounded half away from zero. `denominator` must be positive."""
    quotient, remainder = divmod(abs(numerator), denominator)
    quotient += 2 * remainder >= denominator
    return quotient if numerator >= 0 else -quotient


def tax_inside(gross_minor: int, rate: Decimal) -> int:
    """Tax contained in a tax-inclusive amount: gross * r / (1 + r). `rate` 0.19 means 19 %. Rule 7.7."""
    top, bottom = rate.as_integer_ratio()
    return divide_half_up(gross_minor * top, bottom + top)


def tax_on(net_minor: int, rate: Decimal) -> int:
    """Tax to add to a net amount: net * r, rounded. Rule 7.5."""
    top, bottom = rate.as_integer_ratio()
    return divide_half_up(net_minor * top, bottom)


def allocate(total_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split a total by weights so that the parts add up exactly (largest remainder, ties to the first). Rule 7.8.

    Weights must not be negative; all zero means equal parts. A negative total is split by symmetry.
    """
    if not weights:
        raise ValueError("nothing to allocate to: no weights")
    if min(weights) < 0:
        raise ValueError(f"a weight is negative: {min(weights)}")
    if total_minor < 0:
        return tuple(-part for part in allocate(-total_minor, weights))
    shares = weights if any(weights) else [1] * len(weights)
    whole = sum(shares)
    parts = [total_minor * share // whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(total_minor * shares[i] % whole), i))
    for i in by_remainder[: total_minor - sum(parts)]:
        parts[i] += 1
    return tuple(parts)


def share(total_minor: int, start: int, end: int, of: int) -> int:
    """What units `start` to `end` of `of` have of a total; all parts add up to it. Rule 7.10; counted from 0."""
    return divide_half_up(total_minor * end, of) - divide_half_up(total_minor * start, of)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, in minor units. Adding another currency raises `MixedCurrencies`."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{from_minor(self.minor, self.currency)} {self.currency}"

    def allocate(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Parts by weight that add up to this amount."""
        return tuple(Money(part, self.currency) for part in allocate(self.minor, weights))

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency} in one sum")
        return other.minor
