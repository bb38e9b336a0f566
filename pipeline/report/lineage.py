"""Where the dataset comes from: digest, spec, versions, input files."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pipeline.report.markup import Markup, data, tag
from schemas.manifest import Manifest

_INPUT_CHARACTERS = 6_000


def lineage_section(manifest: Manifest) -> Markup:
    """The section on lineage."""
    facts = [
        ("dataset digest", tag("code", data(manifest.digest))),
        ("spec fingerprint", tag("code", data(manifest.spec_fingerprint))),
        ("made", data(manifest.created)),
        *((name, data(version)) for name, version in manifest.versions.items()),
    ]
    rows = [part for name, value in facts for part in (tag("dt", name), tag("dd", value))]
    return tag(
        "section",
        tag("h2", "Lineage"),
        tag(
            "p",
            "Same rows and spec give the same digest, whatever their order, the workers and the runner.",
            class_="muted",
        ),
        tag("dl", *rows),
        tag("details", tag("summary", "Dataset spec"), tag("pre", data(spec_yaml(manifest.spec), 40_000))),
        _inputs(manifest.inputs),
        id="lineage",
    )


def spec_yaml(spec: dict[str, Any]) -> str:
    """The spec as YAML, without what is not set."""
    return yaml.safe_dump(_without_none(spec), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None and item != []}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def _inputs(inputs: dict[str, Any]) -> Markup | None:
    if not inputs:
        return None
    text = json.dumps(inputs, indent=1, ensure_ascii=False)
    return tag("details", tag("summary", "Input files"), tag("pre", data(text, _INPUT_CHARACTERS)))
