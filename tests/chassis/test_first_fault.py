"""What people read of a wrong value: in our words, and without what is secret beside it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from chassis.first_fault import Fault, first_fault
from chassis.settings import SettingsWrong, section
from services.orders.settings import ChannelTables


class Line(BaseModel):
    """With a rule of pydantic's, and one of ours."""

    quantity: int
    code: str = ""

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        if code == "gone":
            raise ValueError("gone is no code any more")
        return code


class Lines(BaseModel):
    """What came."""

    lines: tuple[Line, ...]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {"lines": [{"quantity": "two"}]},
            Fault(
                "lines.0.quantity",
                "Input should be a valid integer, unable to parse string as an integer",
                "two",
            ),
        ),
        (
            {"lines": [{"quantity": 1}, {"quantity": 1, "code": "gone"}]},
            Fault("lines.1.code", "gone is no code any more", "gone"),
        ),
        ([], Fault("", "Input should be a valid dictionary or instance of Lines", [])),
    ],
)
def test_a_fault_is_told_with_its_place_and_value(body: object, fault: Fault) -> None:
    """A rule that we wrote says what is wrong; that it was a ValueError helps nobody."""
    with pytest.raises(ValidationError) as wrong:
        Lines.model_validate(body)
    assert first_fault(wrong.value) == fault


def test_a_table_that_contradicts_itself_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel's secret stands in it, and the line goes to the log."""
    for name, value in {"KIND": "shopify", "SIGNED": "standard", "SECRET": "s3cret"}.items():
        monkeypatch.setenv(f"DOORSTEP_CHANNELS__PHONE__{name}", value)
    with pytest.raises(SettingsWrong) as wrong:
        section("channels", ChannelTables)
    assert str(wrong.value) == ('channels.phone: signed = "standard" is for channels of the kind canonical')
