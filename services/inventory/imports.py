"""Files of master data and opening stock, row by row: a bad row is named by its line, the others go in.

All good rows of a request are one command and one transaction; `doorstep import` sends up to `ROWS_MAX` of
them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.first_fault import first_fault
from chassis.http import Actor, Outcome, Runtime, Stated, read_body, reply
from chassis.openapi import takes
from contracts.event import Event
from contracts.identifiers import Currency, Location, Sku
from contracts.inventory import SkuAmended, SkuRegistered, StockAdjusted, StockReceived
from contracts.parking import CommandRefused
from contracts.placed_order import Minor
from services.inventory.domain.commands import OpenStock, RegisterSkus, SkuRow, StockRow
from services.inventory.domain.stock import Item

ROWS_MAX = 1000
TAKEN: tuple[type[Event], ...] = (SkuRegistered, SkuAmended, StockReceived, StockAdjusted)
"""One of these is what a row that changed something has caused."""

type Line = Annotated[int, Field(ge=0)]
type Code = Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]*$")]
type VatClass = Literal["standard", "reduced", "super_reduced", "zero", "exempt"]
type Refused = list[dict[str, Any]]


class SkuEntry(BaseModel):
    """One line of a SKU file; the price in minor units of the currency."""

    model_config = ConfigDict(strict=True)

    line: Line
    sku: Sku
    title: Annotated[str, Field(max_length=500)] = ""
    barcode: Code = ""
    price_minor: Annotated[Minor, Field(ge=0)]
    currency: Currency
    vat_class: VatClass = "standard"
    weight_g: Annotated[int, Field(ge=0, le=100_000_000)] = 0

    def row(self) -> SkuRow:
        """The entry as the command takes it."""
        return SkuRow(self.line, self.sku, Item(**self.model_dump(exclude={"line", "sku"})))


class StockEntry(BaseModel):
    """One line of a stock file: units that were there at the start. Zero is a quantity."""

    model_config = ConfigDict(strict=True)

    line: Line
    sku: Sku
    location: Location
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]

    def row(self) -> StockRow:
        """The entry as the command takes it."""
        return StockRow(self.line, self.sku, self.location, self.quantity)


class Import(BaseModel):
    """Rows of a file. `reference` names it; the rows are looked at one by one."""

    rows: Annotated[list[dict[str, Any]], Field(max_length=ROWS_MAX)]
    actor: Actor
    reference: Stated


def routes(runtime: Runtime) -> Sequence[web.RouteDef]:
    """`POST /imports/skus` and `/imports/stock`."""
    counter = Counter(runtime)
    return web.post("/imports/skus", counter.skus), web.post("/imports/stock", counter.stock)


@dataclass(frozen=True, slots=True)
class Counter:
    """Takes files in: `{"accepted": n, "unchanged": n, "refused": [{"line", "error"}, …]}`."""

    runtime: Runtime

    @takes(Import)
    async def skus(self, request: web.Request) -> web.Response:
        """Master data: new SKUs are registered, changed ones amended."""
        return await self._take_in(request, SkuEntry, RegisterSkus)

    @takes(Import)
    async def stock(self, request: web.Request) -> web.Response:
        """Opening stock: counts once per SKU and location; another figure corrects the one before."""
        return await self._take_in(request, StockEntry, OpenStock)

    async def _take_in(
        self, request: web.Request, entry: type[SkuEntry | StockEntry], command: Callable[..., Any]
    ) -> web.Response:
        body = await read_body(request, Import)
        rows, refused = _sort_out(body.rows, entry)
        outcome = Outcome(())
        if rows:
            outcome = await self.runtime.execute(command(tuple(rows), body.actor, body.reference))
        accepted = sum(isinstance(event, TAKEN) for event in outcome.events)
        refused += _refusals(outcome.events)
        unchanged = len(body.rows) - accepted - len(refused)
        refused.sort(key=lambda row: row["line"])
        return reply({"accepted": accepted, "unchanged": unchanged, "refused": refused})


def _sort_out(
    rows: Iterable[dict[str, Any]], entry: type[SkuEntry | StockEntry]
) -> tuple[list[SkuRow | StockRow], Refused]:
    """The rows that can be asked for, and those that cannot, each with the field that is wrong."""
    good: list[SkuRow | StockRow] = []
    refused: Refused = []
    for number, row in enumerate(rows, 1):
        try:
            good.append(entry.model_validate(row).row())
        except ValidationError as wrong:
            field, says, _ = first_fault(wrong)
            refused.append({"line": _line_of(row, number), "error": f"{field or 'row'}: {says}"})
    return good, refused


def _line_of(row: dict[str, Any], number: int) -> int:
    """The row's own line, or where it stands in the request if it does not say."""
    line = row.get("line")
    return line if isinstance(line, int) else number


def _refusals(events: Iterable[Event]) -> Refused:
    return [
        {"line": event.line, "error": event.reason} for event in events if isinstance(event, CommandRefused)
    ]
