"""Champion and challenger on the same rows: one comparison, as JSON. Plain numpy.

Classes are matched by name, because the two models may know different ones: a class that a model does not know has
the probability 0 from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.errors import InputError
from trainer.evaluation.evaluate import headline_values
from trainer.evaluation.metrics import LARGER_IS_BETTER, METRICS_OF, compute_metrics
from trainer.fit.losses import HEADLINE_METRIC
from trainer.registry.held_out import Answers
from trainer.registry.paired import length_edges, mcnemar, paired_gain, row_gain


@dataclass(frozen=True)
class Question:
    """What to compare by.

    Attributes:
      metric: the deciding one; the headline metric of the label's kind when None.
      confidence: of intervals.
      slices: how many slices of length a sequence feature is divided into.
    """

    metric: str | None = None
    confidence: float = 0.95
    slices: int = 4


def compare_answers(
    labels: np.ndarray, champion: Answers | None, challenger: Answers, question: Question
) -> dict[str, Any]:
    """Compares two models, or measures one.

    Args:
      labels: class names or numbers, [rows].
      champion: None when there is none.
      challenger: with lengths.
      question: what to compare by.

    Returns:
      kind, rows, metric, challenger's and champion's metrics, and with a champion gain, mcnemar and slices.

    Raises:
      InputError: the models predict different kinds of label, or the metric does not exist for it.
    """
    kind = challenger.label.kind
    metric = question.metric or HEADLINE_METRIC[kind]
    if metric not in METRICS_OF[kind]:
        raise InputError(
            f"metric: received {metric!r}, expected one of {', '.join(METRICS_OF[kind])} for {kind} labels"
        )
    if champion is not None and champion.label.kind != kind:
        raise InputError(f"the champion predicts a {champion.label.kind} label, the challenger a {kind} one")
    classes = _all_classes(labels, challenger, champion)
    truth = _encoded(labels, classes)
    new = _aligned(kind, challenger, classes)
    result: dict[str, Any] = {
        "kind": kind,
        "rows": len(labels),
        "metric": metric,
        "larger_is_better": LARGER_IS_BETTER[metric],
        "challenger": compute_metrics(kind, truth, new),
        "champion": None,
    }
    if champion is None:
        return result
    old = _aligned(kind, champion, classes)
    values = (headline_values(kind, truth, old), headline_values(kind, truth, new))
    result |= {
        "champion": compute_metrics(kind, truth, old),
        "gain": paired_gain(kind, metric, truth, (old, new), question.confidence).as_dict(),
        "mcnemar": mcnemar(kind, truth, (old, new)),
        "slice_metric": HEADLINE_METRIC[kind],
        "slices": _slices(values, challenger.lengths, kind, question),
    }
    return result


def _slices(
    values: tuple[np.ndarray, np.ndarray], lengths: dict[str, np.ndarray], kind: str, question: Question
) -> list[dict[str, Any]]:
    """The gain in every slice of length. Together the intervals hold with the asked confidence (Bonferroni)."""
    ranges = [(name, *edges) for name, of in lengths.items() for edges in length_edges(of, question.slices)]
    confidence = 1 - (1 - question.confidence) / max(1, len(ranges))
    sign = 1.0 if LARGER_IS_BETTER[HEADLINE_METRIC[kind]] else -1.0
    found = []
    for name, shortest, longest in ranges:
        chosen = (lengths[name] >= shortest) & (lengths[name] <= longest)
        gain = row_gain(values[0][chosen], values[1][chosen], sign, confidence)
        found.append(
            {"feature": name, "shortest": shortest, "longest": longest, "rows": int(chosen.sum()), **gain.as_dict()}
        )
    return found


def _all_classes(labels: np.ndarray, challenger: Answers, champion: Answers | None) -> list[str] | None:
    """The challenger's classes in its order, then those that only the champion or the rows know."""
    if challenger.label.classes is None:
        return None
    others = [*(champion.label.classes or [] if champion else []), *sorted(set(labels.tolist()))]
    return list(dict.fromkeys([*challenger.label.classes, *others]))


def _encoded(labels: np.ndarray, classes: Sequence[str] | None) -> np.ndarray:
    if classes is None:
        return labels.astype(np.float64)
    places = {name: index for index, name in enumerate(classes)}
    return np.array([places[name] for name in labels.tolist()], np.int64)


def _aligned(kind: str, answers: Answers, classes: Sequence[str] | None) -> np.ndarray:
    """float64[rows] or float64[rows, classes], the columns in the order of `classes`."""
    if classes is None or answers.label.classes is None:
        return answers.values[:, 0].astype(np.float64)
    aligned = np.zeros((len(answers.values), len(classes)))
    aligned[:, [classes.index(name) for name in answers.label.classes]] = answers.values
    if kind == "binary":
        if len(classes) > 2:
            raise InputError(f"label: received the classes {', '.join(classes)}, expected two for a binary label")
        return aligned[:, 1]
    return aligned
