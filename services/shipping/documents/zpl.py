"""The label in ZPL II, for label printers of 203 dots per inch: 812 x 1218 dots, which is 4 x 6 inches."""

from __future__ import annotations

from services.shipping.documents.bars import code128
from services.shipping.documents.label import ShippingLabel, shortened

WIDTH, HEIGHT, MARGIN = 812, 1218, 30
INNER = WIDTH - 2 * MARGIN
BARS = (4, 3, 2)
"""Dots per module of the barcode, the widest that fits. Our own numbers get 0.5 mm."""
ADDRESS_LINES_MAX = 16


def zpl(label: ShippingLabel) -> str:
    """The whole label, from `^XA` to `^XZ`, in UTF-8. The printer draws the Code 128 bars itself."""
    rows = (
        "^XA^CI28",
        f"^PW{WIDTH}^LL{HEIGHT}^LH0,0",
        *_head(label),
        *_addresses(label),
        *_facts(label),
        *_bars(label),
        "^XZ",
    )
    return "\n".join(rows) + "\n"


def _head(label: ShippingLabel) -> tuple[str, ...]:
    return (
        _text(MARGIN, 40, 64, label.carrier.upper()[:16]),
        "^FO652,24^GB130,90,90^FS",
        f"^FO652,40^A0N,64,64^FB130,1,0,C^FR{_field(label.country or '--')}",
        _rule(130),
    )


def _addresses(label: ShippingLabel) -> tuple[str, ...]:
    row_height = min(54, 324 // max(1, len(label.ship_to)))
    lines = tuple(
        _text(MARGIN, 285 + row_height * row, min(row_height - 4, 28 if len(line) > 30 else 44), line)
        for row, line in enumerate(label.ship_to[:ADDRESS_LINES_MAX])
    )
    return (
        _text(MARGIN, 145, 20, "FROM"),
        f"^FO{MARGIN},170^A0N,24,24^FB{INNER},2,4,L{_field(label.ship_from[:140])}",
        _rule(235),
        _text(MARGIN, 250, 20, "SHIP TO"),
        *lines,
    )


def _facts(label: ShippingLabel) -> tuple[str, ...]:
    columns = (
        (MARGIN, "ORDER", shortened(label.order_id, 24)),
        (420, "WEIGHT", label.weight or "-"),
        (630, "PARCEL", f"{label.number} of {label.of}"),
    )
    captions = tuple(_text(x, 635, 20, caption) for x, caption, _ in columns)
    values = tuple(_text(x, 662, 28, value) for x, _, value in columns)
    return (_rule(620), *captions, *values, _rule(710))


def _bars(label: ShippingLabel) -> tuple[str, ...]:
    number = label.tracking_number
    modules = len(code128(number))
    dots = next((dots for dots in BARS if dots * modules <= INNER), BARS[-1])
    return (
        f"^FO{(WIDTH - dots * modules) // 2},760^BY{dots}^BCN,270,N,N,N,A{_field(number)}",
        f"^FO{MARGIN},1055^A0N,48,48^FB{INNER},1,0,C{_field(number)}",
        _rule(1130),
        _text(MARGIN, 1148, 24, shortened(label.parcel_id, 44)),
        _text(640, 1148, 24, label.labelled_at.strftime("%Y-%m-%d")),
    )


def _text(x: int, y: int, size: int, text: str) -> str:
    return f"^FO{x},{y}^A0N,{size},{size}{_field(text)}"


def _rule(y: int) -> str:
    return f"^FO{MARGIN},{y}^GB{INNER},3,3^FS"


def _field(text: str) -> str:
    """Field data. The characters that ZPL reads as commands travel as hexadecimal (`^FH`)."""
    safe = "".join(f"_{ord(c):02X}" if c in "_^~\\" or ord(c) < 32 else c for c in text)
    return f"^FH^FD{safe}^FS"
