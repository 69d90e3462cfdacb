"""What `doorstep doctor` says: a complaint, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

type Severity = Literal["severe", "attention", "information"]

SEVERITIES: tuple[Severity, ...] = ("severe", "attention", "information")
SIGNS: dict[Severity, str] = {"severe": "!!", "attention": "! ", "information": "i "}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong, or waits: where, what, what to do, and the page that says more.

    `severe` things stop orders or endanger the history; those of `attention` want a person within the day;
    `information` is the day's work, and no reason to call a system unhealthy.
    """

    part: str
    what: str
    do: str
    runbook: str = ""
    severity: Severity = "attention"


def as_shape(said: Iterable[Complaint]) -> dict[str, Any]:
    """For machines: `healthy`, the complaints as they are, and beside them what only informs."""
    listed = [asdict(complaint) for complaint in said]
    complaints = [entry for entry in listed if entry["severity"] != "information"]
    return {
        "healthy": not complaints,
        "complaints": complaints,
        "information": [entry for entry in listed if entry["severity"] == "information"],
    }


def readable(said: Sequence[Complaint]) -> str:
    """For people: a paragraph for each."""
    paragraphs = [_paragraph(complaint) for complaint in said]
    if all(complaint.severity == "information" for complaint in said):
        paragraphs.insert(0, "all is well: five services ready, no message is parked, nothing is late")
    return "\n\n".join(paragraphs)


def _paragraph(complaint: Complaint) -> str:
    lines = [f"{SIGNS[complaint.severity]} {complaint.part}: {complaint.what}", f"   do: {complaint.do}"]
    if complaint.runbook:
        lines.append(f"   more: docs/runbooks/{complaint.runbook}.md")
    return "\n".join(lines)
