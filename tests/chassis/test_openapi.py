"""The description of a service says what its handlers take: path, query and body."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel

from chassis.openapi import openapi_of, takes

ROOT = Path(__file__).parents[2]


class Part(BaseModel):
    """A model inside another."""

    sku: str


class Wanted(BaseModel):
    """A body."""

    parts: tuple[Part, ...]


@takes(Wanted)
async def place(request: web.Request) -> web.Response:
    """Take it in."""
    return web.Response(text=request.path)


async def several(request: web.Request) -> web.Response:
    """Those in a state, `?state=`, `?limit=` of them."""
    return web.Response(text=request.path)


def test_path_query_and_body_are_described() -> None:
    app = web.Application()
    app.add_routes([web.post("/things/{id:.+}", place), web.get("/things", several)])
    document = openapi_of("toys", app)
    posted, listed = document["paths"]["/things/{id}"]["post"], document["paths"]["/things"]["get"]
    assert posted["summary"] == "Take it in."
    assert [(p["name"], p["in"], p["required"]) for p in posted["parameters"]] == [("id", "path", True)]
    assert [(p["name"], p["in"], p["required"]) for p in listed["parameters"]] == [
        ("state", "query", False),
        ("limit", "query", False),
    ]
    body = posted["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schemas = document["components"]["schemas"]
    assert schemas[body]["properties"]["parts"]["items"]["$ref"] == "#/components/schemas/Part"
    assert "sku" in schemas["Part"]["required"]
    assert "requestBody" not in listed


def _handlers() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for folder in ("chassis", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.AsyncFunctionDef):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_handler_that_reads_a_body_says_which() -> None:
    """`takes` beside `read_body`, with the same model; a helper that several handlers share marks each of them."""
    read, differing = 0, []
    for where, handler in _handlers():
        if handler.name.startswith("_"):
            continue
        models = [
            ast.unparse(call.args[1])
            for call in ast.walk(handler)
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "read_body"
        ]
        said = [ast.unparse(mark.args[0]) for mark in handler.decorator_list if isinstance(mark, ast.Call)]
        read += len(models)
        if models and models != said:
            differing.append(f"{where} reads {models}, says {said}")
    assert differing == []
    assert read > 10
