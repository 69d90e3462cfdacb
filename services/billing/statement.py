"""Payout statements at the border: JSON as it is specified, and CSV with the same names as columns."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.first_fault import first_fault
from chassis.http import UNNAMED, Actor
from contracts.billing import PayoutLine
from contracts.identifiers import Currency
from contracts.placed_order import Minor, Text
from services.billing.domain.commands import ReportPayout

LINES_MAX = 20_000
WHOLE = re.compile(r"[+-]?\d{1,16}")
AMOUNTS = ("gross_minor", "fee_minor", "net_minor")
COLUMNS = ("kind", "reference", *AMOUNTS)


class StatementUnreadable(ValueError):
    """The CSV is no statement; `field` names the column, `line` the line of the file (the header is line 1)."""

    def __init__(self, message: str, field: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.field = field
        self.line = line


class Line(BaseModel):
    """A line of a statement, in minor units. Charges are positive, refunds negative; net is gross less fee.

    Strict: `20.00` is refused, not read as 20 minor units.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    kind: Literal["charge", "refund", "fee", "adjustment"]
    reference: Text = ""
    gross_minor: Minor
    fee_minor: Minor = 0
    net_minor: Minor


class Statement(BaseModel):
    """A provider's statement of one payout, and who hands it in."""

    model_config = ConfigDict(extra="ignore", strict=True)

    provider: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    payout_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]{0,127}$")
    currency: Currency
    total_minor: Minor
    lines: tuple[Line, ...] = Field(max_length=LINES_MAX)
    actor: Actor = UNNAMED

    def command(self) -> ReportPayout:
        """The statement as a command."""
        return ReportPayout(
            provider=self.provider,
            payout_id=self.payout_id,
            currency=self.currency,
            total_minor=self.total_minor,
            lines=tuple(PayoutLine(**line.model_dump()) for line in self.lines),
            actor=self.actor,
        )


def from_csv(text: str, about: dict[str, Any]) -> Statement:
    """A CSV statement; `about` has what the file does not: provider, payout_id, currency, total_minor, actor.

    Raises `StatementUnreadable` for a wrong line, pydantic's `ValidationError` for what is wrong in `about`. A
    statement is taken whole or not at all: half of one would explain nothing.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise StatementUnreadable(
            f"the column {missing[0]} is missing; needed: {', '.join(COLUMNS)}", missing[0], 1
        )
    lines = []
    for row in rows:
        lines.append(_line(row, rows.line_num))
        if len(lines) > LINES_MAX:
            raise StatementUnreadable(f"more than {LINES_MAX} lines", "lines", rows.line_num)
    total = {"total_minor": _minor(about["total_minor"])} if "total_minor" in about else {}
    return Statement.model_validate(about | total | {"lines": tuple(lines)})


def _line(row: dict[str, Any], number: int) -> Line:
    cells = {column: (row[column] or "").strip() for column in COLUMNS}
    given = {
        column: _minor(value) if column in AMOUNTS else value for column, value in cells.items() if value
    }
    try:
        return Line.model_validate(given)
    except ValidationError as wrong:
        column, says, _ = first_fault(wrong)
        raise StatementUnreadable(f"{column}: {says} (got {cells[column]!r})", column, number) from None


def _minor(text: str) -> int | str:
    """Whole minor units; anything else is left as text, for the model to refuse."""
    return int(text) if WHOLE.fullmatch(text.strip()) else text
