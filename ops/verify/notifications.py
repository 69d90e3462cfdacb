"""I9: one message per recipient and cause, sent once, and the mail system has exactly those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from chassis.batch import StoredEvent
from ops.verify.evidence import Evidence, Facts, spot
from ops.verify.scan import Reader
from ops.verify.truth import mail_name
from ops.verify.verdict import Tally, Verdict

QUEUED = "notify.NotificationQueued.v1"
ENDS = ("NotificationSent", "NotificationFailed")


class Notifications:
    """Follows each notification from its cause to its end. `mails()` is None without a maildir."""

    def __init__(self, evidence: Evidence, mails: Callable[[], Counter[str] | None]) -> None:
        self._evidence, self._mails = evidence, mails
        self._tally = Tally("I9")
        self._decided: set[str] = set()
        self._causes: set[tuple[str, str, str]] = set()
        self._queued: set[str] = set()
        self._ended: dict[str, str] = {}
        self._sent: dict[str, str] = {}
        self.reads: dict[str, Reader] = {
            QUEUED: self._queue,
            "notify.NotificationSuppressed.v1": self._suppress,
            **{f"notify.{name}.v1": partial(self._end, name) for name in ENDS},
        }

    def _queue(self, event: StoredEvent, facts: Facts) -> None:
        self._decide(event, facts, facts["recipient"].get("email", ""))
        self._queued.add(facts["notification_id"])

    def _suppress(self, event: StoredEvent, facts: Facts) -> None:
        self._decide(event, facts, "")

    def _decide(self, event: StoredEvent, facts: Facts, recipient: str) -> None:
        identity, cause = facts["notification_id"], (facts["cause"], facts["template"], recipient)
        self._tally.check(identity not in self._decided, spot(event), f"{identity} decided twice")
        self._tally.check(
            cause not in self._causes, spot(event), f"{facts['template']} twice for {facts['cause']}"
        )
        self._decided.add(identity)
        self._causes.add(cause)

    def _end(self, name: str, event: StoredEvent, facts: Facts) -> None:
        identity = facts["notification_id"]
        self._tally.check(identity in self._queued, spot(event), f"{identity} was never queued")
        self._tally.check(
            identity not in self._ended,
            spot(event),
            f"{identity} ended twice: {self._ended.get(identity)}, {name}",
        )
        self._ended[identity] = name
        if name == "NotificationSent":
            self._sent[mail_name(facts["message_id"])] = spot(event)

    def conclude(self) -> Iterable[Verdict]:
        """Hold the sent ones against the maildir, where one that is still to be noted may lie already."""
        waiting = len(self._queued) - len(self._ended)
        self._tally.pending += waiting
        mails = self._mails()
        if mails is not None:
            meanwhile = sum(event.type == QUEUED for event in self._evidence.since("notify"))
            self._judge_mails(mails, waiting + meanwhile)
        return (self._tally.verdict(),)

    def _judge_mails(self, mails: Counter[str], waiting: int) -> None:
        for name, where in self._sent.items():
            found = mails.get(name, 0)
            self._tally.check(found == 1, where, f"{found} mails named {name}")
        strangers = [name for name in mails if name not in self._sent]
        if len(strangers) > waiting:
            for name in strangers:
                self._tally.fault(f"mail {name}", "was sent, and no notification says so")
