"""What the ledger says of a run. Pure: made of the results of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scripts.retraining.outcomes import Outcome
from scripts.retraining.run_state import RunState


def run_line(
    run: RunState, outcome: Outcome, reason: str, champion: int | None, waiting: Sequence[str]
) -> dict[str, Any]:
    """One line.

    Args:
      run: that ended, or failed.
      outcome: how.
      reason: one sentence.
      champion: version that is champion now.
      waiting: spans that were not complete.
    """
    inputs, results = run.started_on(), run.results()
    check, preprocess = results.get("check", {}), results.get("preprocess", {})
    line: dict[str, Any] = {
        "run": run.name,
        "outcome": outcome,
        "reason": reason,
        "champion": champion,
        "champion_before": inputs["champion"],
        "version": results.get("register", {}).get("version"),
        "attempts": len(inputs["attempts"]),
        "spans": {
            "used": len(check.get("used") or inputs["spans"]),
            "new": check.get("new", []),
            "set_aside": check.get("set_aside", {}),
            "waiting": list(waiting),
        },
        "rows": preprocess.get("rows", {}),
        "analysis": preprocess.get("analysis", {}),
        "warnings": [*check.get("warnings", []), *results.get("drift", {}).get("warnings", [])],
        "seconds": {name: result["seconds"] for name, result in results.items()},
    }
    if "compare" in results:
        compared = results["compare"]
        line |= {
            "metric": compared["metric"],
            "held_out": {"split": compared["split"], "rows": compared["rows"]},
            "challenger_score": compared["challenger"][compared["metric"]],
            "champion_score": (compared["champion"] or {}).get(compared["metric"]),
            "gain": compared.get("gain"),
            "mcnemar": compared.get("mcnemar"),
        }
    if "train" in results:
        line["warm_start"] = results["train"]["warm_start"]
    return line
