"""The page itself: sections put together from evaluation.json and training.json."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from trainer.evaluation.report.charts import interval_chart, line_chart, reliability_chart
from trainer.evaluation.report.tables import (
    class_table,
    confusion_table,
    hardest_table,
    metrics_table,
    run_table,
)

STYLE = """
:root { color-scheme: light dark; --ink:#1c2024; --soft:#5b6570; --line:#d9dee3; --paper:#fff; --card:#f6f8fa;
  --s0:#1f6feb; --s1:#c2570c; --s2:#1a7f37 }
@media (prefers-color-scheme: dark) { :root { --ink:#e6e9ec; --soft:#9aa5b1; --line:#343b43; --paper:#14171a;
  --card:#1c2126; --s0:#6cb0ff; --s1:#ffa657; --s2:#56d364 } }
* { box-sizing:border-box }
body { margin:0 auto; max-width:1040px; padding:20px 16px 60px; background:var(--paper); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif }
h1 { font-size:1.5rem; margin:.2em 0 } h2 { font-size:1.15rem; margin:2em 0 .5em } p { color:var(--soft) }
.grid2 { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr)); gap:16px }
figure { margin:0; padding:10px; background:var(--card); border:1px solid var(--line); border-radius:8px }
figcaption { font-weight:600; margin-bottom:6px } svg { width:100%; height:auto; display:block }
.grid { stroke:var(--line); stroke-width:1 } .mark { stroke:var(--soft); stroke-dasharray:4 4 }
.tick { fill:var(--soft); font-size:11px }
.line { fill:none; stroke-width:2 } .line.s0 { stroke:var(--s0) } .line.s1 { stroke:var(--s1) }
.dot.s0 { fill:var(--s0) } .dot.s1 { fill:var(--s1) }
.legend { display:flex; gap:14px; flex-wrap:wrap; font-size:13px; color:var(--soft) }
.key::before { content:""; display:inline-block; width:10px; height:10px; border-radius:5px; margin-right:5px }
.key.s0::before { background:var(--s0) } .key.s1::before { background:var(--s1) }
.scroll { overflow-x:auto; border:1px solid var(--line); border-radius:8px }
table { border-collapse:collapse; width:100%; font-size:14px }
th, td { padding:5px 10px; text-align:left; vertical-align:top; border-bottom:1px solid var(--line) }
tr:last-child td { border-bottom:0 } th { background:var(--card); font-weight:600; white-space:nowrap }
.n { text-align:right; font-variant-numeric:tabular-nums } small { color:var(--soft) }
.heat { display:block; padding:0 6px; border-radius:4px;
  background:color-mix(in srgb, var(--s0) calc(var(--share)*55%), transparent) }
.content { color:var(--soft); font-size:13px } code { font-size:13px; overflow-wrap:anywhere }
"""


def report_page(evaluation: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """The HTML of report.html.

    Args:
      evaluation: the content of evaluation.json.
      training: the content of training.json; empty for a model that is only evaluated.
    """
    title = f"{evaluation['model']} on {evaluation['dataset']}"
    sections = [f"<h1>{escape(title)}</h1>", _lead(evaluation, training)]
    if training.get("history"):
        sections += ["<h2>Training</h2>", f'<div class="grid2">{_curves(training)}</div>']
    for split, content in evaluation["splits"].items():
        sections.append(_split_section(split, content, evaluation["baselines"].get(split, {})))
    if evaluation.get("hardest"):
        sections += [
            "<h2>Hardest examples</h2>",
            "<p>The rows of largest loss.</p>",
            hardest_table(evaluation["hardest"]),
        ]
    if training:
        sections += ["<h2>The run</h2>", run_table(training)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _lead(evaluation: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    if not evaluation["splits"]:
        return "<p>The dataset has no held-out split, so nothing says what the model is worth on new rows.</p>"
    split, content = next(iter(evaluation["splits"].items()))
    name = "mae" if evaluation["kind"] == "regression" else "accuracy"
    value = content["metrics"][name]
    baselines = evaluation["baselines"].get(split, {})
    trivial = ", ".join(
        f"{words} {baselines[key][name]:.3f}"
        for key, words in (("majority", "the majority class"), ("length_only", "lengths alone"))
        if baselines.get(key, {}).get(name) is not None
    )
    seconds = f" Trained in {training['training_seconds']:.0f} s." if training.get("training_seconds") else ""
    return f"<p>{name} {value['value']:.3f} on {content['rows']:,} {escape(split)} rows ({trivial}).{seconds}</p>"


def _curves(training: Mapping[str, Any]) -> str:
    history, best = training["history"], training.get("best_epoch")
    charts = []
    for name in ("loss", "accuracy", "mae", "auc", "macro_f1", "r2"):
        lines = {
            split: [epoch.get(f"{split}_{name}") for epoch in history]
            for split in ("train", "validation")
            if any(epoch.get(f"{split}_{name}") is not None for epoch in history)
        }
        if lines:
            charts.append(line_chart(name.replace("_", " "), lines, best))
    speed = {"real steps of data a second": [epoch.get("tokens_per_second") for epoch in history]}
    charts.append(line_chart("speed", speed))
    return "".join(charts)


def _split_section(split: str, content: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    parts = [f"<h2>{escape(split.capitalize())}: {content['rows']:,} rows</h2>", metrics_table(content, baselines)]
    headline = next((n for n in ("accuracy", "mae") if n in content["metrics"]), "loss")
    charts = [
        interval_chart(
            f"{headline} by length bucket",
            [(f"{b['bucket']} ({b['rows']})", b[headline]) for b in content["per_bucket"]],
        )
    ]
    if content.get("calibration"):
        charts.append(reliability_chart("calibration", content["calibration"]))
    if content["per_class"]:
        charts.append(interval_chart("recall by class", [(c["class"], c["recall"]) for c in content["per_class"]]))
    parts.append(f'<div class="grid2" style="margin-top:16px">{"".join(charts)}</div>')
    if content.get("confusion"):
        parts += ["<h2>Confusion</h2>", confusion_table(content["confusion"])]
        parts += ["<h2>Classes</h2>", class_table(content["per_class"])]
    return "".join(parts)
