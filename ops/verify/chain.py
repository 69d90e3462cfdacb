"""I2 and I13: the chains of versions, positions and hashes are whole, and every cause exists."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from chassis.batch import StoredEvent
from chassis.causes import cause_of, place_in_channels
from chassis.chain import GENESIS, link
from contracts.catalogue import STREAMS
from ops.verify.evidence import Evidence, spot
from ops.verify.verdict import Tally, Verdict

OUTSIDE_CAUSES = ("command/", "timer/", "call/")
"""Causes that are no event: a person or program asking, a time that came, an answer from the outside."""


class Chains:
    """Sees every event. Since versions are contiguous, an event exists exactly if its entity got that far."""

    def __init__(self, evidence: Evidence, channels_last: int | None) -> None:
        self._evidence, self._channels_last = evidence, channels_last
        self._order, self._causes = Tally("I2"), Tally("I13")
        self._versions: dict[str, dict[str, int]] = {service: {} for service in evidence.stores}
        self._positions = dict.fromkeys(evidence.stores, 0)
        self._links = dict.fromkeys(evidence.stores, GENESIS)
        self._wanted: dict[tuple[str, str], tuple[int, str]] = {}
        self._raw_wanted = (0, "")
        self._damaged: set[tuple[str, int]] = set()

    def is_damaged(self, service: str, event: StoredEvent) -> bool:
        """Whether an event that was seen is not what was linked: it may not even be readable."""
        return (service, event.position) in self._damaged

    def witness(self, service: str, event: StoredEvent) -> None:
        """Check the event's place in both chains, and note which cause it names."""
        versions = self._versions[service]
        due, expected = versions.get(event.entity, 0) + 1, self._positions[service] + 1
        self._order.checked += 1
        if event.version != due:
            self._order.fault(spot(event), f"version {event.version} where {due} was due")
        if event.position != expected:
            self._order.fault(
                spot(event), f"follows position {expected - 1}: {event.position - expected} missing"
            )
        if event.chain != link(self._links[service], event):
            self._damaged.add((service, event.position))
            self._order.fault(spot(event), "is not what was linked here: it, or one before it, was changed")
        versions[event.entity] = event.version
        self._links[service] = event.chain
        self._positions[service] = event.position
        self._note_cause(event)

    def _note_cause(self, event: StoredEvent) -> None:
        cause = cause_of(event)
        self._causes.checked += 1
        if (raw := place_in_channels(cause)) is not None:
            self._raw_wanted = max(self._raw_wanted, (raw, spot(event)))
        elif not cause.startswith(OUTSIDE_CAUSES):
            self._note_event_cause(cause, event)

    def _note_event_cause(self, cause: str, event: StoredEvent) -> None:
        service, _, rest = unquote(cause).partition("/")
        entity, _, version = rest.rpartition("/")
        if service not in STREAMS or not version.isdigit() or version == "0":
            self._causes.fault(spot(event), f"names the cause {cause!r}, which is nothing")
        elif int(version) > self._wanted.get((service, entity), (0, ""))[0]:
            self._wanted[service, entity] = (int(version), spot(event))

    def conclude(self) -> Iterable[Verdict]:
        """Look up the causes: in what was read, else in the store as it is now."""
        for (service, entity), (version, where) in self._wanted.items():
            read = self._versions.get(service, {}).get(entity, 0) >= version
            if not read and not self._evidence.exists_now(service, entity, version):
                self._causes.fault(where, f"its cause {service}/{entity}/{version} does not exist")
        self._conclude_raw()
        return self._order.verdict(), self._causes.verdict()

    def _conclude_raw(self) -> None:
        sequence, where = self._raw_wanted
        if self._channels_last is None:
            self._causes.notes.append("causes on CHANNELS not checked: the bus is away")
        elif sequence > self._channels_last:
            self._causes.fault(where, f"its cause CHANNELS/{sequence} does not exist")
