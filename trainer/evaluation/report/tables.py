"""Tables of the report: metrics beside baselines, confusion, classes, hardest rows, and the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numeric_from: int = 1) -> str:
    """An HTML table; cells are HTML already.

    Args:
      headings: of the columns.
      rows: their cells.
      numeric_from: columns from here on are set to the right.
    """
    head = "".join(f"<th{_right(i, numeric_from)}>{escape(h)}</th>" for i, h in enumerate(headings))
    body = "".join(
        "<tr>" + "".join(f"<td{_right(i, numeric_from)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def metrics_table(content: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    """Metrics of one split with intervals, beside the majority class and the length-only model."""
    rows = [
        [
            escape(name.replace("_", " ")),
            f"<b>{figure(value['value'])}</b>",
            f"{figure(value['low'])} to {figure(value['high'])}",
            figure(baselines.get("majority", {}).get(name)),
            figure(baselines.get("length_only", {}).get(name)),
        ]
        for name, value in content["metrics"].items()
    ]
    return table(["metric", "model", "95% interval", "majority", "lengths alone"], rows)


def confusion_table(confusion: Mapping[str, Any]) -> str:
    """Rows by true class (down) and predicted class (across), shaded by their share of the true class."""
    classes, counts = confusion["classes"], confusion["rows"]
    rows = []
    for name, line in zip(classes, counts, strict=True):
        total = max(sum(line), 1)
        cells = [f'<span class="heat" style="--share:{count / total:.3f}">{count}</span>' for count in line]
        rows.append([f"<b>{escape(name)}</b>", *cells])
    return table(["true \\ predicted", *classes], rows)


def class_table(classes: Sequence[Mapping[str, Any]]) -> str:
    """Recall and precision of each class, with intervals."""
    rows = [[escape(c["class"]), f"{c['rows']:,}", interval(c["recall"]), interval(c["precision"])] for c in classes]
    return table(["class", "rows", "recall", "precision"], rows)


def hardest_table(examples: Sequence[Mapping[str, Any]]) -> str:
    """The rows of largest loss."""
    rows = []
    for example in examples:
        lengths = ", ".join(f"{escape(name)} {length}" for name, length in example["lengths"].items())
        content = "<br>".join(escape(text) for text in example["content"].values() if text)
        rows.append(
            [
                escape(str(example["key"])),
                escape(str(example["label"])),
                escape(example["predicted"]),
                figure(example["loss"]),
                lengths,
                f'<span class="content">{content}</span>',
            ]
        )
    return table(["key", "label", "predicted", "loss", "steps", "content"], rows, numeric_from=99)


def run_table(training: Mapping[str, Any]) -> str:
    """What the run was: configuration, data, environment."""
    config, dataset = training.get("config", {}), training.get("dataset", {})
    environment, resolved = training.get("environment", {}), training.get("resolved", {})
    rows = [
        ["dataset", f"{escape(str(dataset.get('name')))}, digest {escape(str(dataset.get('digest'))[:16])}"],
        ["features", escape(", ".join(dataset.get("features", [])))],
        ["parameters", f"{training.get('parameters', 0):,}"],
        ["steps", f"{training.get('steps', 0):,} in {training.get('training_seconds', 0):.1f} s"],
        ["batch shapes", str(len(resolved.get("batch_shapes", [])))],
        ["compiled steps", f"{training.get('traces', {}).get('train', 0)} training"],
        ["precision", escape(str(resolved.get("precision")))],
        ["backend", f"{escape(str(environment.get('backend')))}, Keras {escape(str(environment.get('keras')))}"],
        [
            "configuration",
            "<code>" + escape(", ".join(f"{k}: {v}" for k, v in config.items() if v is not None)) + "</code>",
        ],
    ]
    return table(["", ""], rows, numeric_from=99)


def figure(value: float | None) -> str:
    """A number as the page shows it."""
    return "&ndash;" if value is None else f"{value:.4f}"


def interval(value: Mapping[str, float | None]) -> str:
    """A value with its interval."""
    return f"{figure(value['value'])} <small>{figure(value['low'])} to {figure(value['high'])}</small>"


def _right(column: int, numeric_from: int) -> str:
    return ' class="n"' if column >= numeric_from else ""
