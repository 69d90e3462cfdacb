"""The quick reader gives exactly what the careful one gives, for every event there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.decoding import UnreadableEvent, decode
from contracts import catalogue
from contracts.catalogue import UnknownEvent

UTC_OF_PYDANTIC, UTC_OF_PYTHON = "TzInfo(0)", "datetime.timezone.utc"
GOLDEN = sorted((Path(__file__).parents[2] / "contracts" / "golden").rglob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_golden_message_reads_the_same_both_ways(file: Path) -> None:
    """Same values, same types within, same bytes when written again."""
    careful = catalogue.decode(file.parent.name, file.read_bytes())

    quick = decode(file.parent.name, file.read_bytes())

    assert quick == careful
    assert _spelled(quick) == _spelled(careful)
    assert quick.to_bytes() == careful.to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"order_id": 5}',
        b'{"order_id": "a:1", "attempt": "x"}',
        b"\xff\xfe",
        b'{"a":' * 2000,
    ],
)
def test_a_payload_of_the_wrong_shape_is_refused_with_where(data: bytes) -> None:
    """It is parked with this text, so it has to name the type."""
    with pytest.raises(UnreadableEvent, match=r"inventory\.StockReserved\.v1"):
        decode("inventory.StockReserved.v1", data)


def test_an_unknown_type_is_no_guess() -> None:
    """A version from the future."""
    with pytest.raises(UnknownEvent):
        decode("inventory.StockReserved.v99", b"{}")


def _spelled(event: object) -> str:
    """Its representation, with the one zone under one name."""
    return repr(event).replace(UTC_OF_PYDANTIC, UTC_OF_PYTHON)
