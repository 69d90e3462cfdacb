"""What the outside says: the gateway's own log of transfers, and the mails in the maildir."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money moved by the gateway: `kind` is `charge` or `refund`, `reference` is ours."""

    kind: str
    reference: str
    currency: str
    amount_minor: int

    def __str__(self) -> str:
        return f"{self.kind} {self.reference} of {self.amount_minor} {self.currency}"


def gateway_transfers(log: Path) -> Iterator[Transfer]:
    """Every transfer the sandbox gateway made, in order; none where it has no log. Refusals are skipped."""
    if not log.exists():
        return
    with log.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return  # it is being written: nobody has been answered yet
            record = orjson.loads(line)
            if record["status"] != DECLINED:
                yield Transfer(record["of"], record["reference"], record["currency"], record["amount_minor"])


def sent_mails(maildir: Path) -> Counter[str] | None:
    """How often each message lies in a maildir, by `mail_name`. None where there is no maildir."""
    folders = [maildir / name for name in ("new", "cur") if (maildir / name).is_dir()]
    if not folders:
        return None
    return Counter(mail.name.partition(":")[0] for folder in folders for mail in folder.iterdir())


def mail_name(message_id: str) -> str:
    """The name under which a message with this Message-ID lies in the maildir."""
    return message_id.strip("<>").partition("@")[0]
