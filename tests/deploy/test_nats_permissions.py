"""Least privilege on the bus: what the catalogue does not give to a user is refused by the real server."""

from __future__ import annotations

import json

import pytest

from chassis import nkeys
from chassis.bootstrap import bootstrap
from chassis.bus import connect
from contracts.catalogue import STREAMS
from deploy.nats.permissions import users
from deploy.nats.users_file import FILE, configuration
from tests.deploy.attempts import publications, subscriptions
from tests.deploy.guarded import SEEDS, GuardedServer, Intruder, login_of, refused_at_the_door

JETSTREAM_NOT_ENABLED_FOR_ACCOUNT = 10039
USERS = tuple(user.name for user in users())


def test_the_committed_file_is_what_the_catalogue_asks_for() -> None:
    """A new event without a right to publish it would stop its service in production only."""
    assert FILE.read_text() == configuration(), "python -m deploy.nats.permissions --write"


def test_there_are_attempts_enough() -> None:
    """A matrix that shrank would still be green."""
    assert len(USERS) == 8
    assert len(publications()) > 300
    assert sum(len(who) for who in publications().values()) > 100


@pytest.mark.parametrize("user", USERS)
async def test_a_user_says_what_it_may_and_nothing_else(guarded: GuardedServer, user: str) -> None:
    """Every subject and API verb there is, tried by every user."""
    intruder = await Intruder.connect(guarded, user)
    asked = publications()
    refused = await intruder.publish(list(asked))
    await intruder.client.close()
    assert refused == {subject for subject, who in asked.items() if user not in who}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_hears_its_own_inbox_and_nothing_else(guarded: GuardedServer, user: str) -> None:
    """Reading goes through consumers, which the server counts; listening along would leave no trace."""
    intruder = await Intruder.connect(guarded, user)
    asked = subscriptions()
    refused = await intruder.listen(list(asked))
    await intruder.client.close()
    assert refused == {subject for subject, who in asked.items() if user not in who}


async def test_who_cannot_prove_who_they_are_stays_outside(guarded: GuardedServer) -> None:
    """No anonymous user, no default one, no stranger's nkey, and no public key in the place of a password."""
    assert await refused_at_the_door(guarded)
    assert await refused_at_the_door(guarded, nkeys_seed_str=nkeys.draw())
    assert await refused_at_the_door(guarded, user="orders", password=nkeys.public_of(SEEDS["orders"]))
    assert await refused_at_the_door(guarded, user="orders", password=SEEDS["orders"])
    assert not await refused_at_the_door(guarded, nkeys_seed_str=SEEDS["orders"])


async def test_the_system_user_sees_servers_and_no_data(guarded: GuardedServer) -> None:
    """Its account has no JetStream, so that a monitoring secret opens no order."""
    intruder = await Intruder.connect(guarded, "sys")
    answer = await intruder.client.request("$JS.API.STREAM.INFO.ORDERS", b"", timeout=2)
    await intruder.client.close()
    assert json.loads(answer.data)["error"]["err_code"] == JETSTREAM_NOT_ENABLED_FOR_ACCOUNT


async def test_bootstrap_makes_and_ops_reads(guarded: GuardedServer) -> None:
    """The rights are enough for what they are for: the streams stand, and an audit reads one to its end."""
    async with connect(guarded.url, "bootstrap", login=login_of("bootstrap")) as bus:
        await bootstrap(bus)
        await bootstrap(bus)
    async with connect(guarded.url, "channels", login=login_of("channels")) as bus:
        last = await bus.publish("evt.channels.market.order_placed", b"{}")
    async with connect(guarded.url, "ops", login=login_of("ops")) as bus:
        assert {(await bus.stream_info(stream))[2] for stream in STREAMS.values()} <= {0, last}
        read = [message.stream_seq async for message in bus.read("CHANNELS")]
        assert read[-1] == last
        assert await bus.message("CHANNELS", last) is not None


def test_the_users_of_two_cells_share_nothing() -> None:
    """A cell's users name the cell's streams only: one shop's service has no word in another's."""
    default, other = ({s for user in users(cell) for s in user.publish} for cell in ("default", "eu"))
    assert default & other == set()
    assert all("eu" in subject for subject in other)
    assert {user.inbox for user in users()} & {user.inbox for user in users("eu")} == set()
