"""Small retail files of our own, in the columns of the UCI dataset."""

from __future__ import annotations

import gzip
from pathlib import Path

from contracts.channels import OrderPlaced, ReturnReported
from contracts.event import Event
from ops.publishing.publication import Publication
from ops.publishing.retail import publications
from ops.publishing.retail_report import Report

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
AT = "2009-12-01 07:45:00"
MODELS: dict[str, type[Event]] = {model.TYPE: model for model in (OrderPlaced, ReturnReported)}


def row(
    invoice: str = "489434",
    code: str = "85048",
    quantity: int | str = 2,
    price: str = "6.95",
    *,
    title: str = "GLASS BALL",
    at: str = AT,
    customer: str = "13085.0",
    country: str = "United Kingdom",
) -> str:
    return f"{invoice},{code},{title},{quantity},{at},{price},{customer},{country}"


def file_of(folder: Path, *rows: str, header: str = HEADER, packed: bool = False) -> Path:
    text = "\n".join((header, *rows)) + "\n"
    path = folder / ("retail.csv.gz" if packed else "retail.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


def event(publication: Publication) -> Event:
    return MODELS[publication.headers["ce-type"]].model_validate_json(publication.data)


def published(path: Path) -> tuple[list[Event], Report]:
    report = Report()
    return [event(publication) for publication in publications(path, "retail", report)], report
