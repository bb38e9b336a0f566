"""HTML as text that cannot be broken by data.

`tag` escapes every plain string it is given and joins Markup as it is, so only what this project wrote becomes HTML.
What comes out is also well-formed XML, which a test can parse.

    tag("p", "a < b", tag("b", "c"), class_="note")  ->  <p class="note">a &lt; b<b>c</b></p>
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# Characters that neither HTML nor XML may hold; U+FFFD stands in for them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_VOID = {"meta", "br", "hr", "line", "rect", "path", "circle"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Plain text as HTML."""
    return Markup(html.escape(_FORBIDDEN.sub("\ufffd", text), quote=True))


def tag(name: str, /, *children: str | Markup | None, **attributes: object) -> Markup:
    """One element.

    Args:
      name: of the element.
      children: Markup is kept, plain strings are escaped, None is left out.
      attributes: `class_` and `for_` lose their underscore, other underscores become hyphens; None leaves one out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str | Markup | None]) -> Markup:
    """Parts one after another, plain strings escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts if part is not None))


def data(text: str, limit: int = 400) -> Markup:
    """Text from the data: escaped, its writing direction kept to itself, cut when long, blanks made visible."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    if not shown.strip():
        return tag("bdi", "(empty)" if not shown else repr(shown), class_="data blank")
    return tag("bdi", shown, class_="data")


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
