"""The life of an order, the same story with the same assertions, told by the containers that compose starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest

from tests.deploy.composed import PORTS, Composed, composed_system
from tests.ops.running import Up
from tests.story.conftest import STOCK
from tests.story.shop import MARKET, SHOPIFY, WOOCOMMERCE, Shop
from tests.story.test_life_of_an_order import *  # noqa: F403 - the story; `shop` is another one here

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

READ_MAILS = """
import json
from pathlib import Path
folder = Path("/srv/doorstep/var/mail")
print(json.dumps([file.read_text() for part in ("new", "cur") for file in (folder / part).iterdir()]))
"""


class Place:
    """What a story asks of the system it is told of, as `Up` answers it for an embedded one."""

    def __init__(self, composed: Composed, data: Path) -> None:
        self.composed, self.data = composed, data
        self.said = {"services": {name: {"url": f"http://127.0.0.1:{port}"} for name, port in PORTS.items()}}
        (data / "secrets").mkdir(parents=True)
        for channel in (SHOPIFY, WOOCOMMERCE, MARKET):
            (data / "secrets" / channel).write_text(composed.secret(channel))

    def run(self, *arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        """A `doorstep` command in the tools' container, which sees no file of ours: it is told its contents.

        The tools come as the bus's user for looking; who publishes comes as the channels' user.
        """
        files = [path for path in map(Path, arguments) if path.is_file()]
        told = ["/dev/stdin" if Path(each) in files else each for each in arguments]
        said = files[0].read_text() if files else stdin or ""
        who = self._as_channels() if arguments[0] == "publish" else ()
        return self.composed.call("run", "--rm", "--no-TTY", *who, "tools", "doorstep", *told, said=said)

    def _as_channels(self) -> tuple[str, ...]:
        seed = (self.composed.secrets / "nats-user-channels" / "seed").read_text()
        environment = {"NATS_USER": "channels", "NATS_SEED_FILE": "", "NATS_SEED": seed}
        return tuple(f"--env=DOORSTEP_{name}={value}" for name, value in environment.items())


class ComposedShop(Shop):
    """A shop whose programs show the system's password, and whose mail lies in a volume."""

    @property
    def place(self) -> Place:
        return cast(Place, self.up)

    @property
    def credentials(self) -> dict[str, str]:
        return self.place.composed.credentials

    def mails(self, to: str) -> list[Message]:
        said = self.place.composed.run("exec", "--no-TTY", "notify", "python", "-c", READ_MAILS)
        return [mail for mail in map(message_from_string, json.loads(said)) if to in mail["To"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The system under compose. Afterwards everything it has in its books must be true."""
    folder = tmp_path_factory.mktemp("story")
    with composed_system(folder / "deploy") as composed:
        place: Any = Place(composed, folder / "var")
        shop = ComposedShop(cast(Up, place))
        (folder / "stock").mkdir()
        shop.stock_up(folder / "stock", **STOCK)
        yield shop
        assert shop.verdicts() == {}
