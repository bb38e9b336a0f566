"""The page of one run: the decision and its reason first, then what it rests on. Self-contained HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scripts.retraining.outcomes import Outcome
from scripts.retraining.run_state import RunState

HEADLINE = {
    Outcome.PROMOTED: "Promoted version {version}",
    Outcome.KEPT: "Kept the champion, version {champion}",
    Outcome.REFUSED: "Refused the data",
    Outcome.GATE_FAILED: "The challenger failed the export gate",
    Outcome.ABANDONED: "Abandoned",
    Outcome.FAILED: "Failed",
}
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse}
td,th{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020}@media(prefers-color-scheme:dark)
{body{background:#161616;color:#e6e6e6}td,th{border-color:#444}.bad{color:#ff8a80}}"""


def headline(line: Mapping[str, Any]) -> str:
    """The decision and its reason in one line.

    Args:
      line: of the ledger.
    """
    outcome = Outcome(line["outcome"])
    if outcome is Outcome.KEPT and line["champion"] is None:
        return f"Kept no champion: {line['reason']}"
    return f"{HEADLINE[outcome].format(version=line['version'], champion=line['champion'])}: {line['reason']}"


def run_page(line: Mapping[str, Any], run: RunState) -> str:
    """The page.

    Args:
      line: that the ledger gets.
      run: whose results are shown.
    """
    results = run.results()
    first = html.escape(headline(line))
    parts = [
        f'<!doctype html><html lang="en"><title>{first}</title><meta charset="utf-8"><style>{_STYLE}</style>',
        f"<h1>{first}</h1>",
        _facts(line, run),
        _spans(line),
        _section("Drift and other warnings", _list(line["warnings"])),
    ]
    if "train" in results:
        parts.append(_training(results["train"]))
    if "compare" in results:
        parts.append(_comparison(results["compare"]))
    if "decide" in results:
        rows = [
            (check["name"], _mark(check["passed"]), html.escape(check["detail"]))
            for check in results["decide"]["checks"]
        ]
        parts.append(_section("The rule", _table(("condition", "", "found"), rows)))
    times = [(name, f"{seconds:,.1f} s") for name, seconds in line["seconds"].items()]
    parts.append(_section("Time", _table(("step", "wall clock"), times)))
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def _facts(line: Mapping[str, Any], run: RunState) -> str:
    attempts = run.started_on()["attempts"]
    spans = line["spans"]
    rows = [
        ("run", f"{run.name}, started {attempts[0]}" + (f", attempt {len(attempts)}" if len(attempts) > 1 else "")),
        ("spans", f"{spans['used']:,} used, {len(spans['new'])} new, {len(spans['set_aside'])} set aside"),
        ("rows", ", ".join(f"{count:,} {name}" for name, count in line["rows"].items()) or "none"),
        ("champion", f"{_version(line['champion_before'])} before, {_version(line['champion'])} now"),
        ("analysis", ", ".join(f"{name} {value:g}" for name, value in line["analysis"].items()) or "none"),
    ]
    return _table(("", ""), [(name, html.escape(value)) for name, value in rows])


def _version(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


def _spans(line: Mapping[str, Any]) -> str:
    spans = line["spans"]
    rows = [(html.escape(name), "set aside", html.escape(why)) for name, why in spans["set_aside"].items()]
    rows += [(html.escape(name), "new", "") for name in spans["new"] if name not in spans["set_aside"]]
    rows += [(html.escape(name), "waiting", "not complete yet") for name in spans["waiting"]]
    return _section("Spans", _table(("span", "", "why"), rows) if rows else "<p>None is new.</p>")


def _training(result: Mapping[str, Any]) -> str:
    lines = [f"{result['epochs']} epochs in {result['training_seconds']:,.1f} s"]
    if result["cold"]:
        lines.append(f"fresh weights, because {result['cold']}")
    warm = result["warm_start"]
    if warm:
        lines.append(f"warm start: {warm['whole']} weights as they are")
        named = [*warm["tokens"].items(), *([("classes", warm["classes"])] if warm["classes"] else [])]
        lines += [f"{name}: {n['kept']:,} kept, {n['new']:,} new, {n['dropped']:,} dropped" for name, n in named]
        if warm["fresh"]:
            lines.append(f"fresh: {', '.join(warm['fresh'])}")
    return _section("Training", _list(lines))


def _comparison(found: Mapping[str, Any]) -> str:
    old = found["champion"] or {}
    rows: list[tuple[str, ...]] = []
    for name, value in found["challenger"].items():
        gain = found["gain"] if found.get("gain") and name == found["metric"] else None
        rows.append((name, "", _number(old.get(name)), _number(value), *_interval(gain)))
    for part in found.get("slices", []):
        where = f"{found['slice_metric']}, {part['feature']} {part['shortest']:,} to {part['longest']:,}"
        both = (_number(part["champion"]), _number(part["challenger"]))
        rows.append((html.escape(where), f"{part['rows']:,}", *both, *_interval(part)))
    title = f"Champion and challenger on the same {found['rows']:,} {found['split']} rows"
    body = _table(("", "rows", "champion", "challenger", "gain", "interval"), rows)
    if test := found.get("mcnemar"):
        body += (
            f"<p>McNemar: only the champion is right {test['only_champion']:,} times, only the challenger "
            f"{test['only_challenger']:,} times; p {test['p_value']:.3g}.</p>"
        )
    return _section(title, body)


def _interval(gain: Mapping[str, float] | None) -> tuple[str, str]:
    if gain is None:
        return "", ""
    return _signed(gain["value"]), f"{_signed(gain['low'])} .. {_signed(gain['high'])} ({gain['confidence']:.1%})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _mark(passed: bool) -> str:
    return "holds" if passed else '<span class="bad">does not hold</span>'


def _section(title: str, body: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n{body}" if body else ""


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
