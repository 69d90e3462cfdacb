"""From a letter to what its recipient reads, by the wording of its version: no wording is ever guessed.

Templates are compiled once. HTML is escaped; a missing value raises `jinja2.UndefinedError`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from services.notify.domain.letters import Letter
from services.notify.domain.wording import Wording, language_of, wording
from services.notify.mime import Content, one_line

TEMPLATES = Path(__file__).parent / "templates"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(enabled_extensions=("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)


def render(letter: Letter) -> Content:
    """Subject, text and HTML. The same letter gives the same content, now and in ten years.

    Raises `NoWording` for a version this release does not have.
    """
    subject, text, html = _templates(wording(letter.template, letter.version, language_of(letter.locale)))
    values = {name: one_line(value) for name, value in letter.facts.items()}
    values["name"] = one_line(letter.name)
    return Content(one_line(subject.render(values)), text.render(values), html.render(values))


@cache
def _templates(found: Wording) -> tuple[Template, Template, Template]:
    subject, text, html = (
        _ENVIRONMENT.get_template(f"{found.stem}.{part}") for part in ("subject", "txt", "html")
    )
    return subject, text, html
