"""Webhooks that must not be taken, as the bytes that arrive: each with the statuses that may be answered.

An attacker here knows everything but the secrets: the names of channels, genuine bodies, other channels' signatures,
and a genuine delivery that was listened to. `CLOSED` stands for a connection that is closed without an answer.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass

from chassis.http import BODY_BYTES_MAX
from services.orders.intake.signatures import signature
from tests.security.deliveries import (
    BODY,
    SECRETS,
    SIGNED_BY,
    STANDARD_SECRET,
    TOPICS,
    Headers,
    digest,
    replaced,
    request,
    signed,
    standard,
    with_proof,
)

CLOSED = 0
UNAUTHORIZED = frozenset({401})
BAD = frozenset({400, CLOSED})


@dataclass(frozen=True, slots=True)
class Attack:
    """The bytes to send, and what may be answered."""

    name: str
    request: bytes
    expected: frozenset[int] = UNAUTHORIZED


def attacks() -> Iterator[Attack]:
    """All of them; times are relative to now."""
    yield from _forged()
    yield from _wrong_keys()
    yield from _changed_bodies()
    yield from _encodings()
    yield from _replayed()
    yield from _headers()
    yield from _topics()
    yield from _wrong_places()
    yield from _framing()
    yield from _chunks()
    yield from _paths()


def _forged() -> Iterator[Attack]:
    yield Attack("no signature", request("shop", [TOPICS["shop"]]))
    yield Attack("no headers at all", request("shop", []))
    yield Attack("empty signature", request("shop", with_proof("")))
    yield Attack("blank signature", request("shop", with_proof("   ")))
    yield Attack("made up", request("shop", with_proof("wronghash")))
    yield Attack("null", request("shop", with_proof("null")))
    yield Attack("zeroes", request("shop", with_proof(base64.b64encode(bytes(32)).decode())))
    yield Attack("signature of nothing", request("shop", with_proof(signature("s3cret", b"").decode())))
    yield Attack("the secret itself", request("shop", with_proof("s3cret")))
    yield Attack("plain digest", request("shop", with_proof(_b64(hashlib.sha256(BODY).digest()))))
    yield Attack(
        "digest of secret and body",
        request("shop", with_proof(_b64(hashlib.sha256(b"s3cret" + BODY).digest()))),
    )
    yield Attack("sha1", request("shop", with_proof(_b64(digest("sha1")))))
    yield Attack("sha512", request("shop", with_proof(_b64(digest("sha512")))))
    yield Attack("md5", request("shop", with_proof(_b64(digest("md5")))))


def _wrong_keys() -> Iterator[Attack]:
    yield Attack("another secret", request("shop", signed(secret="S3CRET")))
    yield Attack("no secret", request("shop", with_proof(_b64(hmac.new(b"", BODY, "sha256").digest()))))
    yield Attack("secret with a newline", request("shop", signed(secret="s3cret\n")))
    yield Attack("a secret of long ago", request("shop", signed(secret="secret-before-that")))
    yield Attack("channel without a secret", request("closed", signed(secret="None")))
    yield Attack(
        "channel without a secret, signed with none",
        request("closed", with_proof(_b64(hmac.new(b"", BODY, "sha256").digest()))),
    )
    for other in ("shopify", "woocommerce"):
        yield Attack(f"signature of {other}", request("shop", signed(secret=SECRETS[other])))
        yield Attack(f"headers of {other}", request("shop", signed(other)))
        yield Attack(f"our signature at {other}", request(other, signed(other, secret="s3cret")))


def _changed_bodies() -> Iterator[Attack]:
    genuine = signed()
    bodies = {
        "one byte more": BODY + b" ",
        "a newline more": BODY + b"\n",
        "one byte less": BODY[:-1],
        "first half": BODY[: len(BODY) // 2],
        "one digit": BODY.replace(b"1", b"9", 1),
        "re-serialised": BODY.replace(b'":', b'": '),
        "byte order mark": b"\xef\xbb\xbf" + BODY,
        "utf-16": BODY.decode().encode("utf-16"),
        "compressed": gzip.compress(BODY),
        "escaped": BODY.replace(b"a", b"\\u0061", 1),
        "twice": BODY + BODY,
        "nothing": b"",
        "upper case": BODY.upper(),
        "null byte": BODY + b"\0",
    }
    for name, body in bodies.items():
        yield Attack(f"body: {name}", request("shop", genuine, body))
    packed = gzip.compress(BODY)
    yield Attack(
        "body: compressed, and said so",
        request("shop", [*signed(), ("Content-Encoding", "deflate")], packed),
        BAD | UNAUTHORIZED,
    )


def _encodings() -> Iterator[Attack]:
    right = signature("s3cret", BODY).decode()
    raw = base64.b64decode(right)
    proofs = {
        "hex": raw.hex(),
        "upper-case hex": raw.hex().upper(),
        "upper case": right.upper(),
        "lower case": right.lower(),
        "swapped case": right.swapcase(),
        "no padding": right.rstrip("="),
        "too much padding": right + "=",
        "cut off": right[:-4],
        "one character": right[0],
        "doubled": right + right,
        "list": f"{right},{right}",
        "quoted": f'"{right}"',
        "prefix": f"sha256={right}",
        "base64 of base64": _b64(right.encode()),
        "half": _b64(raw[:16]),
        "reversed": _b64(raw[::-1]),
        "endless": right + "A" * 4000,
        "not ascii": right[:-2] + "é=",
        "urlsafe": base64.urlsafe_b64encode(raw).decode().replace("=", "_"),
    }
    for name, proof in proofs.items():
        if proof != right:
            yield Attack(f"signature: {name}", request("shop", with_proof(proof)))


def _replayed() -> Iterator[Attack]:
    there = "standard"
    yield Attack("replayed after ten minutes", request(there, standard(at=-600)))
    yield Attack("replayed just outside the window", request(there, standard(at=-310)))
    yield Attack("from the future", request(there, standard(at=600)))
    fresh = str(int(time.time()))
    yield Attack(
        "replayed with a new time", request(there, replaced(standard(at=-600), "webhook-timestamp", fresh))
    )
    yield Attack("replayed under another id", request(there, replaced(standard(), "webhook-id", "msg_2")))
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        rest = [each for each in standard() if each[0] != name]
        yield Attack(f"without {name}", request(there, rest))
        yield Attack(
            f"{name} twice", request(there, [*standard(), next(e for e in standard() if e[0] == name)])
        )
        yield Attack(f"{name} empty", request(there, replaced(standard(), name, "")))
    for name, moment in {
        "a word": "now",
        "a fraction": f"{fresh}.5",
        "negative": f"-{fresh}",
        "nought": "0",
        "huge": "9" * 400,
        "another script": "١٢٣",
    }.items():
        moved = replaced(standard(), "webhook-timestamp", moment)
        yield Attack(f"time: {name}", request(there, [(k, v.encode().decode("latin-1")) for k, v in moved]))
    proof = dict(standard())["webhook-signature"]
    yield Attack(
        "version 2", request(there, replaced(standard(), "webhook-signature", proof.replace("v1,", "v2,")))
    )
    yield Attack(
        "no version", request(there, replaced(standard(), "webhook-signature", proof.removeprefix("v1,")))
    )
    yield Attack(
        "the ninth of nine", request(there, replaced(standard(), "webhook-signature", "v1,AAAA " * 8 + proof))
    )
    yield Attack("body signed alone", request(there, signed(secret=STANDARD_SECRET)))
    yield Attack("another key", request(there, standard(secret="whsec_" + _b64(b"x" * 32))))
    dotted = "a.1"
    yield Attack("an id with a dot", request(there, standard(message_id=dotted)))


def _headers() -> Iterator[Attack]:
    wrong = (SIGNED_BY["shop"], "AAAA")
    yield Attack("a wrong and a right signature", request("shop", [wrong, *signed()]))
    yield Attack("a right and a wrong signature", request("shop", [*signed(), wrong]))
    yield Attack("the right signature twice", request("shop", [*signed(), signed()[0]]))
    yield Attack("the name in two cases", request("shop", [*signed(), (SIGNED_BY["shop"].lower(), "AAAA")]))
    yield Attack(
        "signature in another header", request("shop", [("Authorization", signed()[0][1]), TOPICS["shop"]])
    )
    yield Attack(
        "signature in the query",
        request(
            "shop", [TOPICS["shop"]], path=f"/channels/shop/webhooks?X-Doorstep-Hmac-Sha256={signed()[0][1]}"
        ),
    )
    yield Attack(
        "a name with an underscore",
        request("shop", [("X_Doorstep_Hmac_Sha256", signed()[0][1]), TOPICS["shop"]]),
    )
    yield Attack(
        "a folded header",
        request("shop", [("X-Doorstep-Topic", "order_placed\r\n X-Doorstep-Hmac-Sha256: " + signed()[0][1])]),
        BAD | UNAUTHORIZED,
    )
    yield Attack(
        "a space before the colon",
        request("shop", [("X-Doorstep-Hmac-Sha256 ", signed()[0][1]), TOPICS["shop"]]),
        BAD,
    )
    yield Attack("a null byte in a header", request("shop", [*with_proof("a\0b")]), BAD)
    yield Attack("a header that is too long", request("shop", [("X-Long", "x" * 20_000), *signed()]), BAD)
    yield Attack(
        "too many headers", request("shop", [*((f"X-{n}", "y") for n in range(500)), *signed()]), BAD
    )


def _topics() -> Iterator[Attack]:
    """Signed rightly: a channel's own server that was taken over."""
    bad = frozenset({400})
    topics = {
        "none": "",
        "wildcard": ">",
        "wildcards": "orders.*",
        "another stream": "../../evt.orders.order_accepted.v1",
        "a space": "order placed",
        "a tab": "order\tplaced",
        "endless": "x" * 1000,
        "not ascii": "ördér",
        "a dollar": "$JS.API.STREAM.DELETE.ORDERS",
    }
    for name, topic in topics.items():
        yield Attack(f"topic: {name}", request("shop", signed(topic=topic)), bad)
    yield Attack("topic: two", request("shop", [*signed(), TOPICS["shop"]]), bad)
    yield Attack("topic: missing", request("shop", signed()[:1]), bad)
    injected = "order_placed\r\nNats-Msg-Id: mine"
    yield Attack(
        "topic: with a header of the bus",
        request("shop", signed(topic=injected + " \r\n\tx")),
        BAD | UNAUTHORIZED,
    )


def _wrong_places() -> Iterator[Attack]:
    nowhere = frozenset({404})
    yield Attack("unknown channel", request("ebay", signed()), nowhere)
    yield Attack("channel in another case", request("SHOP", signed()), nowhere)
    yield Attack("channel with a wildcard", request("*", signed()), nowhere)
    yield Attack(
        "channel with a path", request("x", signed(), path="/channels/../orders/webhooks"), nowhere | {401}
    )
    yield Attack(
        "channel with an escaped slash",
        request("x", signed(), path="/channels/shop%2f..%2fx/webhooks"),
        nowhere,
    )
    yield Attack(
        "channel with a null byte", request("x", signed(), path="/channels/shop%00/webhooks"), nowhere | {400}
    )
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        yield Attack(f"by {method}", request("shop", signed(), method=method), frozenset({401, 403, 405}))
    yield Attack("with a method that is none", request("shop", signed(), method="PO ST"), BAD)


def _framing() -> Iterator[Attack]:
    large = b"x" * (BODY_BYTES_MAX + 1)
    too_large = frozenset({413, CLOSED})
    yield Attack("a byte too large", request("shop", signed(body=large), large), too_large)
    yield Attack("said to be too large", request("shop", signed(), length=str(10**12)), too_large)
    yield Attack("a length below nought", request("shop", signed(), length="-1"), BAD)
    yield Attack("a length that is no number", request("shop", signed(), length="many"), BAD)
    yield Attack("two lengths", request("shop", [*signed(), ("Content-Length", "1")]), BAD)
    yield Attack(
        "length and chunks",
        request("shop", [*signed(), ("Transfer-Encoding", "chunked")]),
        BAD | UNAUTHORIZED,
    )
    yield Attack(
        "a body cut off",
        request("shop", signed(), length=str(len(BODY) + 50)),
        frozenset({400, 401, 408, CLOSED}),
    )
    smuggled = request("shop", signed(), body=BODY[:10]) + request("shop", signed())
    yield Attack("a second request smuggled in", smuggled, BAD | UNAUTHORIZED)
    yield Attack("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BAD)


def _chunks() -> Iterator[Attack]:
    """Bodies in chunks, signed rightly, whose framing can be read in two ways or never ends."""
    size = f"{len(BODY):x}".encode()
    late_proof = ": ".join(signed()[0]).encode()
    framings = {
        "a size with a prefix": b"0x%b\r\n%b\r\n0\r\n\r\n" % (size, BODY),
        "a size with a sign": b"+%b\r\n%b\r\n0\r\n\r\n" % (size, BODY),
        "a size below nought": b"-1\r\n%b\r\n0\r\n\r\n" % BODY,
        "a size beyond all memory": b"f" * 32 + b"\r\n%b\r\n0\r\n\r\n" % BODY,
        "a size that is too small": b"1\r\n%b\r\n0\r\n\r\n" % BODY,
        "a line that ends early": b"%b\n%b\n0\n\n" % (size, BODY),
    }
    for name, framed in framings.items():
        yield Attack(f"chunks: {name}", _chunked(signed(), framed), BAD | UNAUTHORIZED | {408})
    in_the_end = b"%b\r\n%b\r\n0\r\n%b\r\n\r\n" % (size, BODY, late_proof)
    yield Attack("chunks: the signature behind the body", _chunked([TOPICS["shop"]], in_the_end))
    one = b"10000\r\n%b\r\n" % (b"x" * 0x10000)
    yield Attack("chunks: many, too large together", _chunked(signed(), one * 17), frozenset({413, CLOSED}))
    for coding in ("chunked, identity", "xchunked", "chunked, chunked"):
        framed = b"%b\r\n%b\r\n0\r\n\r\n" % (size, BODY)
        yield Attack(f"chunks: said to be {coding}", _chunked(signed(), framed, coding), BAD | UNAUTHORIZED)


def _chunked(headers: Headers, framed: bytes, coding: str = "chunked") -> bytes:
    said = "".join(f"{name}: {value}\r\n" for name, value in [*headers, ("Transfer-Encoding", coding)])
    first = "POST /channels/shop/webhooks HTTP/1.1\r\nHost: hooks.shop.example\r\nConnection: close\r\n"
    return f"{first}{said}\r\n".encode("latin-1") + framed


def _paths() -> Iterator[Attack]:
    """Other ways to write the way to a channel, and other ways to ask."""
    nowhere = frozenset({401, 404})
    for path in (
        "/channels//shop/webhooks",
        "/channels/shop/webhooks/",
        "/channels/shop;x=y/webhooks",
        "/channels/shop%20/webhooks",
        "/channels/shop%0d%0aX:y/webhooks",
        "/channels/%73hop/../closed/webhooks",
        "/CHANNELS/shop/webhooks",
    ):
        yield Attack(f"path: {path}", request("shop", signed(), path=path), nowhere)
    instead = [*signed(), ("X-HTTP-Method-Override", "POST")]
    yield Attack("by GET, said to be POST", request("shop", instead, method="GET"), frozenset({401, 405}))
    yield Attack("another version of HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
