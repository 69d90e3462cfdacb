"""The door of a service: who is let in, as whom, and with which roles. Against a real orders service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.orders.situations import ID
from tests.orders.test_orders_running import PLACED
from tests.security.conftest import LOCKED, PASSWORD, Orders, Start
from tests.security.issuer import AUDIENCE, ISSUER, Issuer

SIGNED = {"actor": "mira", "reason": "asked for"}
HOLD, HOLDS = f"/orders/{ID}/holds", "/orders/{id}/holds"
TOOL = {"Authorization": f"Bearer {PASSWORD}"}


def proxied(user: str, groups: str, password: str = PASSWORD) -> dict[str, str]:
    """What a proxy that signs people in puts on a request."""
    return {"X-Doorstep-Proxy": password, "X-Forwarded-User": user, "X-Forwarded-Groups": groups}


@pytest.fixture
async def locked(start_orders: Start) -> Orders:
    """Everyone has to show a proof; one order is there."""
    orders = await start_orders(LOCKED)
    assert (await orders.ask("POST", "/orders", json=PLACED, headers=TOOL))[0] == 201
    return orders


async def test_health_is_open_and_nothing_else(locked: Orders) -> None:
    """Probes and scrapers have no password; whoever reads an order has to be somebody."""
    for path in ("/livez", "/readyz", "/openapi.json"):
        assert (await locked.ask("GET", path))[0] == 200
    async with locked.session.get("/metrics") as metrics:
        assert metrics.status == 200
    for path in ("/orders", f"/orders/{ID}", "/ops/status", "/ops/events", "/ops/parked", "/made/up"):
        async with locked.session.get(path) as answer:
            assert answer.status == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


WRONG_PROOFS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "wrong password": [("Authorization", "Bearer wrong-wrong-wrong-wrong")],
    "no password": [("Authorization", "Bearer ")],
    "other scheme": [("Authorization", f"Basic {PASSWORD}")],
    "password twice": [("Authorization", f"Bearer {PASSWORD}")] * 2,
    "a user's word": [("X-Forwarded-User", "root"), ("X-Forwarded-Groups", "admin")],
    "wrong proxy": [*proxied("root", "admin", "wrong-wrong-wrong-wrong").items()],
    "proxy without a user": [("X-Doorstep-Proxy", PASSWORD)],
    "proxy with a blank user": [*proxied(" ", "admin").items()],
    "proxy with an unseen user": [*proxied("\u200b", "admin").items()],
    "proxy with a user that is half unseen": [*proxied("mira\u200b", "admin").items()],
    "a second user slipped past": [*proxied("mira", "viewer").items(), ("X-Forwarded-User", "root")],
    "a second group slipped past": [*proxied("mira", "viewer").items(), ("X-Forwarded-Groups", "admin")],
    "a token where none are believed": [("Authorization", "Bearer a.b.c")],
    "wrong proxy beside the password": [("X-Doorstep-Proxy", "x"), *TOOL.items()],
}


@pytest.mark.parametrize("proof", WRONG_PROOFS)
async def test_a_wrong_proof_is_refused_and_changes_nothing(locked: Orders, proof: str) -> None:
    before = await locked.stored()
    status, said = await locked.ask("POST", HOLD, json=SIGNED, headers=WRONG_PROOFS[proof])
    assert (status, await locked.stored()) == (401, before)
    assert PASSWORD not in json.dumps(said)


@pytest.mark.parametrize(
    ("groups", "status"),
    [("viewer", 403), ("finance", 403), ("unknown", 403), ("", 403), ("operator", 200), ("x, admin", 200)],
)
async def test_a_command_needs_its_role(locked: Orders, groups: str, status: int) -> None:
    """The role is named, so that one knows what to ask for."""
    got, said = await locked.ask("POST", HOLD, json=SIGNED, headers=proxied("mira", groups))
    assert got == status
    assert status == 200 or said["role"] == "operator"


async def test_reading_needs_a_role_too(locked: Orders) -> None:
    """Being known is not enough; groups of the provider count as what the settings say."""
    assert (await locked.ask("GET", f"/orders/{ID}", headers=proxied("mira", "staff")))[0] == 403
    for groups in ("viewer", "shop-finance"):
        assert (await locked.ask("GET", f"/orders/{ID}", headers=proxied("mira", groups)))[0] == 200


async def test_the_actor_is_who_was_let_in(locked: Orders) -> None:
    """A body may leave it out, and may not say another."""
    as_mira = proxied("mira", "operator")
    status, said = await locked.ask("POST", HOLD, json=SIGNED | {"actor": "boss"}, headers=as_mira)
    assert (status, said["field"]) == (403, "actor")
    status, said = await locked.ask("POST", HOLD, json={"reason": "asked for"}, headers=as_mira)
    assert status == 200
    assert said["events"][0]["data"]["detail"].startswith("mira: ")


OTHERWISE_READ = {
    "not a number": b'"x": NaN',
    "infinite": b'"x": Infinity',
    "less than everything": b'"x": -Infinity',
    "too large for a float": b'"x": 1e999',
    "digits without end": b'"x": ' + b"9" * 5000,
    "half a character": b'"x": "\\ud800"',
    "half a character as a key": b'"\\udc00": 1',
    "bytes that are no text": b'"x": "\xff"',
    "a line break in a text": b'"x": "a\nb"',
    "a comment": b'"x": 1 /* */',
    "a comma too many": b'"x": 1,',
    "single quotes": b"'x': 1",
    "nested out of sight": b'"x": ' + b"[" * 2000 + b"]" * 2000,
    "the actor twice": b'"actor": "mira"',
    "the actor twice, hidden": b'"\\u0061ctor": "mira"',
}
"""What JSON readers do not agree upon: one of them that checks and another that believes would be two doors."""


@pytest.mark.parametrize("more", OTHERWISE_READ)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16", "utf-32"])
async def test_nobody_acts_as_another_by_a_body_that_readers_read_differently(
    locked: Orders, more: str, encoding: str
) -> None:
    """Behind an odd part of the body, or before it, or in another encoding: the actor is who was let in, or nobody."""
    before, as_mira = await locked.stored(), proxied("mira", "operator")
    forged = b'"actor": "boss", "reason": "asked for"'
    for inside in (forged + b", " + OTHERWISE_READ[more], OTHERWISE_READ[more] + b", " + forged):
        body = (b"{" + inside + b"}").decode("latin-1").encode(encoding)
        status, _ = await locked.ask(
            "POST", HOLD, data=body, headers=as_mira | {"Content-Type": "application/json"}
        )
        assert status in (403, 422)
    assert await locked.stored() == before


@pytest.mark.parametrize("actor", ["", " ", "...", "\u200b", "mira\u200b", "mira\n", "\u202earim"])
async def test_a_name_that_nobody_can_read_is_nobodys(locked: Orders, actor: str) -> None:
    """It would stand in the books beside others that look the same."""
    before = await locked.stored()
    status, said = await locked.ask("POST", HOLD, json=SIGNED | {"actor": actor}, headers=TOOL)
    assert (status, said["field"], await locked.stored()) == (422, "actor", before)


async def test_a_tool_of_this_machine_says_for_whom_it_acts(locked: Orders) -> None:
    """The password tells a machine and not a person: the body's actor stands."""
    _, said = await locked.ask("POST", HOLD, json=SIGNED | {"actor": "jon"}, headers=TOOL)
    assert said["events"][0]["data"]["detail"].startswith("jon: ")


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("sent", FOREIGN)
async def test_another_sites_page_cannot_give_commands(locked: Orders, sent: dict[str, str]) -> None:
    """Not even with a proof that a browser would add by itself."""
    body = {"data": orjson.dumps(SIGNED), "headers": TOOL | sent | {"Content-Type": "text/plain"}}
    before = await locked.stored()
    assert (await locked.ask("POST", HOLD, **body))[0] == 403
    assert await locked.stored() == before


FROM_ELSEWHERE = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"},
    {"X-Forwarded-For": "unknown"},
    {"Forwarded": "for=203.0.113.7"},
    {"Via": "1.1 front"},
    {"X-Real-IP": "203.0.113.7"},
    {"X-Forwarded-Host": "shop.example"},
    {"X-Forwarded-Proto": "https"},
    {"Host": "rebound.evil.example"},
    {"Host": "10.0.0.5:8081"},
]


async def test_this_machine_may_operate_unless_it_asks_for_another(start_orders: Start) -> None:
    """The embedded default: at the machine itself no password; through a proxy or a rebound name, one."""
    orders = await start_orders("")
    assert (await orders.ask("POST", "/orders", json=PLACED))[0] == 201
    for headers in FROM_ELSEWHERE:
        assert (await orders.ask("POST", HOLD, json=SIGNED, headers=headers))[0] == 401, headers
    assert (await orders.ask("POST", HOLD, json=SIGNED, headers={"X-Forwarded-For": "127.0.0.1"}))[0] == 200
    status, _ = await orders.ask("POST", HOLD, json=SIGNED, headers={"Authorization": "Bearer x"})
    assert status == 401, "who shows a wrong proof does not fall back to none"


ONE_ZERO = (
    "GET /orders HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n",
    "GET /orders HTTP/1.0\r\n\r\n",
)


@pytest.mark.parametrize("request_text", ONE_ZERO)
async def test_a_proxy_that_says_nothing_is_not_this_machine(start_orders: Start, request_text: str) -> None:
    """nginx with `proxy_pass` and nothing else: HTTP/1.0, our own address as the host, and not a word of who asks."""
    orders = await start_orders("")
    answer = await said_to(orders.port, request_text.format(port=orders.port).encode())
    assert answer.startswith(b"HTTP/1.0 401 ")


NO_TEXT = (b"Authorization: Bearer \xff\xe9", b"X-Doorstep-Proxy: \xff\xe9\r\nX-Forwarded-User: root")


@pytest.mark.parametrize("proof", NO_TEXT)
async def test_a_proof_that_is_no_text_is_a_wrong_one(locked: Orders, proof: bytes) -> None:
    """Refused like any other, without a traceback that whoever likes can write into the log; and noted."""
    begin = b"GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    with capture_logs() as logs:
        answer = await said_to(locked.port, begin + proof + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert [line["event"] for line in logs] == ["proof_refused"]


async def said_to(port: int, request: bytes) -> bytes:
    """The whole answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_tokens_of_the_configured_issuer_are_let_in(start_orders: Start, tmp_path: Path) -> None:
    """Name and roles come from the token."""
    issuer = Issuer()
    issuer.add("k1", "ES256")
    (tmp_path / "jwks.json").write_text(json.dumps(issuer.jwks()))
    tokens = f"""
[access.tokens]
jwks = "{tmp_path / "jwks.json"}"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
roles_claim = "realm_access.roles"
"""
    orders = await start_orders(LOCKED + tokens)
    await orders.ask("POST", "/orders", json=PLACED, headers=TOOL)
    for roles, status in ((["viewer"], 403), (["operator"], 200)):
        token = issuer.token("k1", realm_access={"roles": roles})
        headers = {"Authorization": f"Bearer {token}"}
        got, said = await orders.ask("POST", HOLD, json={"reason": "late"}, headers=headers)
        assert got == status
    assert said["events"][0]["data"]["detail"].startswith("mira: ")


async def test_every_answer_carries_its_headers(locked: Orders) -> None:
    """Nothing is sniffed, framed, cached or told about the server."""
    for path, headers in (("/livez", {}), ("/orders", {}), (f"/orders/{ID}", TOOL), ("/made/up", TOOL)):
        async with locked.session.get(path, headers=headers) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Server" not in answer.headers


async def test_a_command_is_in_the_log_with_who_gave_it(locked: Orders) -> None:
    """Who, what, how it ended, and the story it began; no body."""
    with capture_logs() as said:
        await locked.ask("POST", HOLD, json={"reason": "late"}, headers=proxied("mira", "operator"))
    (line,) = (line for line in said if line["event"] == "command")
    assert line["by"] == "mira"
    assert (line["to"], line["path"], line["id"], line["status"]) == ("orders", HOLDS, ID, 200)
    assert line["correlation"] == await newest_story(locked, "OrderHeld")
    assert "late" not in str(line)


async def test_a_command_that_is_refused_is_in_the_log_with_its_story(locked: Orders) -> None:
    """The refusal is an event like any other. What was not even a command has no story to name."""
    headers = proxied("mira", "operator")
    gone = f"{HOLD}/stock_short/release"
    with capture_logs() as said:
        assert (await locked.ask("POST", gone, json={"reason": "x"}, headers=headers))[0] == 409
        assert (await locked.ask("POST", "/made/up", json={"reason": "x"}, headers=TOOL))[0] == 404
    (line,) = (line for line in said if line["event"] == "command")
    assert line["correlation"] == await newest_story(locked, "CommandRefused")


TRIED = {
    "without the role": (SIGNED, "viewer", 403),
    "in another's name": ({**SIGNED, "actor": "tom"}, "operator", 403),
    "without a reason": ({}, "operator", 422),
}


@pytest.mark.parametrize("tried", TRIED)
async def test_a_command_that_was_only_tried_is_in_the_log_too(locked: Orders, tried: str) -> None:
    """Who goes beyond what is allowed is to be found; nothing was decided, so there is no story."""
    body, group, status = TRIED[tried]
    with capture_logs() as said:
        assert (await locked.ask("POST", HOLD, json=body, headers=proxied("mira", group)))[0] == status
    (line,) = (line for line in said if line["event"] == "command")
    assert (line["by"], line["roles"], line["path"], line["status"]) == ("mira", [group], HOLDS, status)
    assert not line["correlation"]


CANARY = "qzkan8106"
ADDRESSED = [CANARY, f"{CANARY}@mail.example", f"{CANARY}%40mail.example", f"shop:{CANARY}@mail.example"]


@pytest.mark.parametrize("wrong", [{"Authorization": "Bearer wrong-wrong-wrong"}, TOOL])
@pytest.mark.parametrize("asked", ADDRESSED)
async def test_what_somebody_puts_into_a_path_is_not_logged(locked: Orders, asked: str, wrong: Any) -> None:
    """By whoever guesses, and by a command that finds nothing or is not understood: the route is, and no more."""
    with capture_logs() as said:
        for path in (f"/orders/{asked}", f"/made/up/{asked}", f"/ops/parked/{asked}"):
            await locked.ask("GET", path, headers=wrong)
        for path in (f"/orders/{asked}/holds", f"/ops/parked/{asked}/retry", f"/orders/{asked}/cancel"):
            await locked.ask("POST", path, json={}, headers=wrong)
    assert {"/orders/{id}/holds", "/orders/{id}/cancel"} <= {line["path"] for line in said}
    assert CANARY not in str(said)


async def newest_story(orders: Orders, fact: str) -> str:
    """The correlation id of the newest event of a type, as `/ops/recent` shows it."""
    _, told = await orders.ask("GET", f"/ops/recent?type=orders.{fact}.v1&limit=1", headers=TOOL)
    return told["events"][0]["correlation_id"]


@pytest.mark.parametrize("wrong", [{"password": "short"}, {"password_file": "/does/not/exist"}])
async def test_a_password_that_cannot_be_used_stops_the_start(start_orders: Start, wrong: Any) -> None:
    """Rather than leaving a door that nobody can open, or anyone."""
    ((name, value),) = wrong.items()
    with pytest.raises(Exception, match=f"access.{name}"):
        await start_orders(f'[access]\n{name} = "{value}"\n')
