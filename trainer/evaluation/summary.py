"""The table at the end of a run: metrics with intervals, beside trivial models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

SHOWN = ("accuracy", "auc", "macro_f1", "loss", "brier", "mae", "rmse", "r2")


def print_metrics(console: Console, evaluation: Mapping[str, Any]) -> None:
    """Prints one table of all evaluated splits.

    Args:
      console: where to write.
      evaluation: the content of evaluation.json.
    """
    table = Table(title=f"{evaluation['model']} on {evaluation['dataset']}", title_justify="left")
    for title in ("split", "metric", "model", "95% interval", "majority", "lengths alone"):
        table.add_column(title, justify="left" if title in ("split", "metric") else "right")
    for split, content in evaluation["splits"].items():
        baselines = evaluation["baselines"].get(split, {})
        first = True
        for name in SHOWN:
            if name not in content["metrics"]:
                continue
            figure = content["metrics"][name]
            table.add_row(
                f"{split} ({content['rows']:,} rows)" if first else "",
                name.replace("_", " "),
                shown(figure["value"]),
                f"{shown(figure['low'])} .. {shown(figure['high'])}",
                shown(baselines.get("majority", {}).get(name)),
                shown(baselines.get("length_only", {}).get(name)),
            )
            first = False
        table.add_section()
    console.print(table)


def shown(value: float | None) -> str:
    """A figure as tables show it."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"
