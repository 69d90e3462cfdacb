"""The base of every event: a frozen pydantic model with a stable wire name.

An event is a fact in the past tense. It is stored, published and replayed as the same bytes, so a
field may be added with a default, and nothing else may change within a version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class PersonalMark:
    """Marks a field as personal data, so that it can be encrypted and erased without changing the event."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """In the published schemas such a field carries `"x-personal": true`."""
        return {**handler(core), "x-personal": True}


PERSONAL = PersonalMark()

type Personal[T] = Annotated[T, PERSONAL]
"""A field that identifies or describes a person: `email: Personal[str]`."""


class Event(BaseModel):
    """A fact. Subclasses name their wire type: `class StockReserved(Event, type="inventory.StockReserved.v1")`."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="iso8601")

    TYPE: ClassVar[str] = ""

    def __init_subclass__(cls, type: str = "", **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.TYPE = type

    def to_bytes(self) -> bytes:
        """The one encoding: what is stored is what is published."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)
