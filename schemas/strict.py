"""The base of every configuration object: frozen, checked at birth, unknown keys refused by nearest name.

A pydantic error list becomes one message that names each wrong place as the user wrote it
(`features.text.vocabulary.sise`), what stood there, what was expected, and the nearest known name.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """A frozen configuration object that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), populate_by_name=True)


def nearest_name(name: str, known: typing.Iterable[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close."""
    matches = difflib.get_close_matches(str(name), [str(candidate) for candidate in known], n=1, cutoff=0.5)
    return matches[0] if matches else None


def explain(error: ValidationError, root: type[BaseModel], data: Any) -> str:
    """One line for each wrong place in `data`, in the user's own words.

    Args:
      error: what pydantic raised for `root.model_validate(data)`.
      root: the model that was validated.
      data: the mapping that was validated, as loaded.

    Returns:
      Lines of the form "- features.text: received ..., expected ...".
    """
    lines = []
    for item in error.errors(include_url=False):
        lines.append("- " + _explain_one(item, _written_place(item, data), root, data))
    return "\n".join(dict.fromkeys(lines))


def _explain_one(item: Any, place: tuple[Any, ...], root: type[BaseModel], data: Any) -> str:
    where = ".".join(str(part) for part in place) or "(top level)"
    if item["type"] == "extra_forbidden":
        known = sorted(_known_keys(root, place[:-1], data))
        near = nearest_name(str(place[-1]), known)
        hint = f"did you mean {near!r}? " if near else ""
        return f"{where}: unknown key {place[-1]!r}; {hint}Known keys here: {', '.join(known)}."
    if item["type"] == "missing":
        return f"{where}: missing; this key is required."
    if item["type"] in ("union_tag_invalid", "literal_error", "enum"):
        expected = str(item["ctx"].get("expected_tags") or item["ctx"].get("expected"))
        received = _value_at(data, place) if item["type"] != "union_tag_invalid" else item["ctx"]["tag"]
        options = [option.strip(" '") for option in expected.replace(" or ", ", ").split(",")]
        near = nearest_name(str(received), options)
        hint = f"; did you mean {near!r}?" if near else ""
        return f"{where}: received {received!r}, expected one of {', '.join(options)}{hint}"
    if item["type"] == "union_tag_not_found":
        return (
            f"{where}: missing key 'kind'; every feature says what it is "
            "(text, tokens, ids, series, number, category, vector)."
        )
    if item["type"] == "value_error":
        return f"{where}: {item['ctx']['error']}"
    received = item.get("input")
    return f"{where}: received {_short(received)} ({type(received).__name__}); {item['msg'].lower()}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _value_at(data: Any, place: tuple[Any, ...]) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _written_place(item: Any, data: Any) -> tuple[Any, ...]:
    """pydantic's location without the union tags and type names it puts between the user's own keys."""
    place: list[Any] = []
    container = data
    location = item["loc"]
    for index, part in enumerate(location):
        present = (isinstance(container, Mapping) and part in container) or (
            isinstance(container, list) and isinstance(part, int) and part < len(container)
        )
        if present:
            container = container[part]
            place.append(part)
        elif index == len(location) - 1 and item["type"] == "missing":
            place.append(part)
    return tuple(place)


def _known_keys(root: type[BaseModel], place: tuple[Any, ...], data: Any) -> set[str]:
    """The keys allowed at `place`, following the models (and, in unions, the data's own tag)."""
    annotation: Any = root
    value = data
    for part in place:
        value = value.get(part) if isinstance(value, Mapping) else None
        keys: list[Any] = []
        for model in _models_in(annotation, None):
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            if part in fields:
                keys.append(fields[part])
        if not keys:  # a mapping with free keys, such as `features`: step into its values
            keys = [arguments[1] for arguments in _mapping_arguments(annotation)]
        if not keys:
            return set()
        annotation = typing.Union[tuple(keys)] if len(keys) > 1 else keys[0]  # noqa: UP007 (built at run time)
    known: set[str] = set()
    for model in _models_in(annotation, value):
        known |= {field.alias or name for name, field in model.model_fields.items()}
    return known


def _unwrap(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _unwrap(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [inner for argument in typing.get_args(annotation) for inner in _unwrap(argument)]
    return [annotation]


def _models_in(annotation: Any, value: Any) -> list[type[BaseModel]]:
    models = [a for a in _unwrap(annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
    if isinstance(value, Mapping):  # a union tagged by `kind` or `by`: keep the model the data names
        for tag in ("kind", "by"):
            tagged = [m for m in models if tag in m.model_fields and _literal_of(m, tag) == value.get(tag)]
            if tagged:
                return tagged
    return models


def _literal_of(model: type[BaseModel], field: str) -> Any:
    arguments = typing.get_args(model.model_fields[field].annotation)
    return arguments[0] if arguments else None


def _mapping_arguments(annotation: Any) -> list[tuple[Any, ...]]:
    return [
        typing.get_args(a)
        for a in _unwrap(annotation)
        if typing.get_origin(a) in (dict, Mapping) and typing.get_args(a)
    ]
