"""`/openapi.json`: what a service answers to, read off its handlers, so that it cannot say something else.

The summary is the first line of a handler's docstring, the query parameters are those it names as `?limit=`, and the
body is the model that `takes` puts beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

QUERY = re.compile(r"\?(\w+)=")
PATH = re.compile(r"\{(\w+)")
REFERENCE = "#/components/schemas/{model}"

type Handler = Callable[..., Any]


def takes[H: Handler](model: type[BaseModel]) -> Callable[[H], H]:
    """Says which model the handler reads its JSON body with."""

    def mark(handler: H) -> H:
        handler.takes = model  # type: ignore[attr-defined]
        return handler

    return mark


def openapi_of(name: str, app: web.Application) -> dict[str, Any]:
    """OpenAPI 3.1 of an application."""
    paths: dict[str, Any] = {}
    for route in _routes(app):
        assert route.resource is not None
        operation = _operation(route.handler, route.resource.canonical)
        paths.setdefault(route.resource.canonical, {})[route.method.lower()] = operation
    bodies = {body for route in _routes(app) if (body := _body_of(route.handler))}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Doorstep {name}", "version": "1"},
        "paths": paths,
        "components": {"schemas": _schemas(sorted(bodies, key=lambda body: body.__name__))},
    }


def _routes(app: web.Application) -> Iterator[web.AbstractRoute]:
    return (route for route in app.router.routes() if route.resource is not None and route.method != "HEAD")


def _body_of(handler: Handler) -> type[BaseModel] | None:
    return getattr(handler, "takes", None)


def _operation(handler: Handler, path: str) -> dict[str, Any]:
    said = (handler.__doc__ or "").strip()
    operation: dict[str, Any] = {
        "summary": said.split("\n")[0],
        "parameters": [
            *(_parameter(name, "path", required=True) for name in PATH.findall(path)),
            *(_parameter(name, "query", required=False) for name in dict.fromkeys(QUERY.findall(said))),
        ],
        "responses": {"default": {"description": "JSON"}},
    }
    if body := _body_of(handler):
        schema = {"$ref": REFERENCE.format(model=body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _parameter(name: str, place: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _schemas(bodies: list[type[BaseModel]]) -> dict[str, Any]:
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template=REFERENCE)
    defined: dict[str, Any] = schemas.get("$defs", {})
    return defined
