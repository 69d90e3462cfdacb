"""Reading a channel's JSON field by field, so that whatever is wrong is named by its path.

Channels write numbers as text, leave fields out and put null anywhere: text is read leniently, money,
times and counts strictly. `Wrong` is the only error that leaves this module. It quotes single words, amounts and
times, never the text of a field that could describe a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from chassis.quoting import quoted
from chassis.repeated_keys import RepeatedKey, without_repeats
from contracts.address import TEXT_MAX
from contracts.money import NotMoney, UnknownCurrency, exponent, to_minor

DIGITS_MAX = 15
"""Amounts and counts of more digits are refused before any arithmetic: `1e999999999` is valid JSON."""

MISSING = frozenset({None, ""})
UNPRINTABLE = dict.fromkeys((*range(0x20), 0x7F), " ") | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
ONE = Decimal(1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wrong(ValueError):
    """A body, or a field of it, that cannot be read. The text is a reason that a person can act on."""


def parse_json(data: bytes) -> Any:
    """The JSON value, its fractions as exact decimals. Raises `Wrong` with the place of the fault."""
    try:
        return json.loads(
            data, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=without_repeats
        )
    except RepeatedKey as ambiguous:
        raise Wrong(str(ambiguous)) from None
    except UnicodeDecodeError as wrong:
        raise Wrong(f"not JSON: byte {wrong.start} is not {wrong.encoding} text") from None
    except json.JSONDecodeError as wrong:
        raise Wrong(f"not JSON: {wrong.msg} at line {wrong.lineno} column {wrong.colno}") from None
    except RecursionError:
        raise Wrong("not JSON that can be read: nested too deeply") from None
    except (ValueError, InvalidOperation):
        raise Wrong("not JSON that can be read: a number is too long") from None


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a channel's body. Every reader takes several names: the first that is filled counts."""

    values: Mapping[str, Any]
    path: str = ""
    currency: str = ""

    def at(self, name: str) -> str:
        """The path of a field, as in `line_items[0].price`."""
        return f"{self.path}.{name}" if self.path else name

    def priced_in(self, currency: str) -> Fields:
        """The same object, its amounts in this currency, which must be one."""
        try:
            exponent(currency)
        except UnknownCurrency:
            raise Wrong(f"{self.at('currency')}: {quoted(currency)} is not a currency (ISO 4217)") from None
        return replace(self, currency=currency)

    def find(self, *names: str) -> tuple[str, Any]:
        """Path and value of the first filled field; the first name and None where all are empty."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, (dict, list)) or value not in MISSING:
                return self.at(name), value
        return self.at(names[0]), None

    def has(self, *names: str) -> bool:
        """Whether one of the fields is filled."""
        return self.find(*names)[1] is not None

    def text(self, *names: str) -> str:
        """The text, cut to what the canonical order takes; empty where there is none."""
        _, value = self.find(*names)
        if isinstance(value, (dict, list)) or value is None:
            return ""
        return str(value).translate(UNPRINTABLE).strip()[:TEXT_MAX]

    def needed(self, *names: str) -> str:
        """The text, which must be there."""
        if text := self.text(*names):
            return text
        raise Wrong(f"{self.at(names[0])} is missing")

    def flag(self, name: str) -> bool:
        """True only for a JSON true, or its spelling as text or number."""
        return str(self.values.get(name)).lower() in {"true", "1", "yes"}

    def time(self, *names: str) -> datetime | None:
        """The moment in UTC; text without an offset is taken as UTC."""
        path, value = self.find(*names)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(str(value))
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Wrong(f"{path}: {quoted(value)} is not a time") from None
        if moment < EPOCH:
            raise Wrong(f"{path}: {quoted(value)} is before 1970")
        return moment

    def number(self, *names: str) -> Decimal | None:
        """The exact decimal, whether written as number or text."""
        path, value = self.find(*names)
        if value is None:
            return None
        number = _decimal(value)
        if number is None or number.adjusted() > DIGITS_MAX:
            raise Wrong(f"{path}: {quoted(value)} is not a number that can be used")
        return number if number.adjusted() >= -DIGITS_MAX else Decimal()

    def minor(self, *names: str) -> int:
        """An amount in minor units, 0 where there is none; finer digits are rounded half away from zero."""
        number = self.number(*names) or Decimal()
        return int(number.scaleb(exponent(self.currency)).quantize(ONE, ROUND_HALF_UP))

    def needed_minor(self, *names: str) -> int:
        """An amount in minor units that must be there, and must not be finer than the currency's unit."""
        number = self.number(*names)
        if number is None:
            raise Wrong(f"{self.at(names[0])} is missing")
        try:
            return to_minor(number, self.currency)
        except NotMoney:
            finer = f"{quoted(number)} is finer than the smallest unit of {self.currency}"
            raise Wrong(f"{self.at(names[0])}: {finer}") from None

    def count(self, *names: str) -> int:
        """A whole number, 0 where there is none."""
        number = self.number(*names) or Decimal()
        if number != number.to_integral_value():
            raise Wrong(f"{self.find(*names)[0]}: {quoted(number)} is not a whole number")
        return int(number)

    def inner(self, *names: str) -> Fields:
        """An object inside; an empty one where there is none."""
        path, value = self.find(*names)
        return Fields(value if isinstance(value, dict) else {}, path, self.currency)

    def each(self, *names: str) -> Iterator[Fields]:
        """The objects of a list, if there is one. PHP writes a list with gaps as `{"1": …, "3": …}`."""
        path, value = self.find(*names)
        if isinstance(value, dict) and all(key.isdigit() for key in value):
            value = list(value.values())
        if value is not None and not isinstance(value, list):
            raise Wrong(f"{path} is not a list")
        for position, item in enumerate(value or ()):
            if not isinstance(item, dict):
                raise Wrong(f"{path}[{position}] is not an object")
            yield Fields(item, f"{path}[{position}]", self.currency)


def milliseconds(moment: datetime | None) -> int:
    """Milliseconds since 1970, the version of an order; 1 where the channel gave no time."""
    if moment is None:
        return 1
    elapsed = moment - EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, (bool, dict, list)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)
