"""What people and programs ask of inventory."""

from __future__ import annotations

from dataclasses import dataclass

from services.inventory.domain.stock import Item


@dataclass(frozen=True, slots=True)
class SkuRow:
    """Master data of one SKU, from a line of a file."""

    line: int
    sku: str
    item: Item


@dataclass(frozen=True, slots=True)
class StockRow:
    """Opening stock of one SKU at one location, from a line of a file."""

    line: int
    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class RegisterSkus:
    """Let these SKUs exist, with this master data. Many rows are one transaction."""

    rows: tuple[SkuRow, ...]
    actor: str
    reference: str


@dataclass(frozen=True, slots=True)
class OpenStock:
    """Let this be the opening stock. Many rows are one transaction."""

    rows: tuple[StockRow, ...]
    actor: str
    reference: str


@dataclass(frozen=True, slots=True)
class ReceiveStock:
    """Units came in, by this document."""

    sku: str
    location: str
    quantity: int
    reason: str
    actor: str
    reference: str


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """The books were wrong by so many units, by this document. Negative takes away."""

    sku: str
    location: str
    quantity: int
    reason: str
    actor: str
    reference: str


@dataclass(frozen=True, slots=True)
class ApproveWriteOff:
    """A second person agrees with an adjustment that takes more than one person may."""

    sku: str
    location: str
    reference: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class DenyWriteOff:
    """A second person does not agree with such an adjustment."""

    sku: str
    location: str
    reference: str
    actor: str
    reason: str


type Command = RegisterSkus | OpenStock | ReceiveStock | AdjustStock | ApproveWriteOff | DenyWriteOff
