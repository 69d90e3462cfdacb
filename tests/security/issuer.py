"""An identity provider of the test: it has keys, publishes their public halves, and signs what it is asked to."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.conftest import free_port

ISSUER, AUDIENCE = "https://login.example/realms/shop", "doorstep"


@dataclass
class Issuer:
    """Keys by name; what is published may be less than what is signed with."""

    keys: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    asked: int = 0

    def add(self, kid: str, algorithm: str = "RS256", *, bits: int = 2048) -> None:
        self.keys[kid] = (
            rsa.generate_private_key(65537, bits)
            if algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )

    def jwks(self) -> dict[str, Any]:
        """The public halves, as a provider publishes them."""
        found = []
        for kid, key in self.keys.items():
            is_rsa = isinstance(key, rsa.RSAPrivateKey)
            algorithm = RSAAlgorithm if is_rsa else ECAlgorithm
            said = json.loads(algorithm.to_jwk(key.public_key()))
            found.append(said | {"kid": kid, "use": "sig", "alg": "RS256" if is_rsa else "ES256"})
        return {"keys": found}

    def token(self, kid: str, *, key: Any = None, algorithm: str = "", **claims: Any) -> str:
        """A token for mira, who may operate, unless it is asked for another."""
        key = key or self.keys[kid]
        algorithm = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
        now = int(time.time())
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "mira",
            "iat": now,
            "exp": now + 300,
            "roles": ["operator"],
        }
        said = {name: value for name, value in (said | claims).items() if value is not None}
        return jwt.encode(said, key, algorithm=algorithm, headers={"kid": kid})

    @asynccontextmanager
    async def published(self) -> AsyncIterator[str]:
        """The JWKS at a URL."""

        async def show(_: web.Request) -> web.Response:
            self.asked += 1
            return web.json_response(self.jwks())

        app = web.Application()
        app.router.add_get("/keys", show)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield f"http://127.0.0.1:{self.port}/keys"
        finally:
            await runner.cleanup()
