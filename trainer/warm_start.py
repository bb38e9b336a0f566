"""Starting from a trained model's weights, on data whose vocabulary and classes may have changed.

Weights are matched by their path, which names feature and layer. Of an embedding, rows are carried over by token (or
category); of the output, columns by class name. What has no counterpart keeps its fresh value.

    old vocabulary  the movie good      new vocabulary  the bad movie
    old rows        a   b     c         new rows        a   new b
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import InputError
from schemas.features import RESERVED_IDS
from trainer.output_directory import OutputDirectory
from trainer.saved_model import load_model, load_record
from trainer.session import OpenDataset

EMBEDDING_SUFFIX = "_embedding/embeddings"
HEAD_PREFIX = "prediction/"


@dataclass(frozen=True)
class Names:
    """What became of tokens or classes.

    Attributes:
      kept: in both; their weights are carried over.
      new: only in the new one; their weights are fresh.
      dropped: only in the old one.
    """

    kept: int
    new: int
    dropped: int

    def describe(self, what: str) -> str:
        """In words: "2 of 4 tokens kept, 2 new, 1 dropped"."""
        return f"{self.kept:,} of {self.kept + self.new:,} {what} kept, {self.new:,} new, {self.dropped:,} dropped"


@dataclass
class Carried:
    """What was taken over.

    Attributes:
      whole: weights taken over as they are.
      fresh: paths of weights that have no counterpart.
      tokens: feature -> what became of its tokens.
      classes: what became of the classes; None where the output was taken over whole.
    """

    whole: int = 0
    fresh: list[str] = field(default_factory=list)
    tokens: dict[str, Names] = field(default_factory=dict)
    classes: Names | None = None

    def describe(self) -> str:
        """One line for the terminal."""
        parts = [f"{self.whole} weights as they are"]
        parts += [f"{name}: {names.describe('tokens')}" for name, names in self.tokens.items()]
        if self.classes is not None:
            parts.append(self.classes.describe("classes"))
        if self.fresh:
            parts.append(f"fresh: {', '.join(self.fresh)}")
        return "warm start: " + "; ".join(parts)


def warm_start(model: Any, source: Path, dataset: OpenDataset) -> Carried:
    """Gives a fresh model the weights of a trained one.

    Args:
      model: the fresh model, built for `dataset`; changed in place.
      source: output directory of the trained model.
      dataset: that the fresh model is for.

    Returns:
      What was taken over.

    Raises:
      InputError: no trained model there, or none of its weights fit.
    """
    record = load_record(source)
    old = {variable.path: np.array(variable.numpy()) for variable in load_model(source).weights}
    carried = Carried()
    for variable in model.weights:
        value = old.get(variable.path)
        if variable.path.endswith(EMBEDDING_SUFFIX):
            _carry_rows(variable, value, source, dataset, carried)
        elif variable.path.startswith(HEAD_PREFIX):
            _carry_classes(variable, value, record.content["dataset"]["label"].get("classes"), dataset, carried)
        elif value is not None and value.shape == tuple(variable.shape):
            variable.assign(value)
            carried.whole += 1
        else:
            carried.fresh.append(variable.path)
    if not carried.whole and not any(names.kept for names in carried.tokens.values()):
        raise InputError(
            f"{source}: none of its weights fit the new model ({record.config.model} there); warm-start from one of "
            "the same architecture and features"
        )
    return carried


def matching_rows(old: Sequence[str], new: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which rows of two tables stand for the same name.

    Args:
      old: names by row.
      new: names by row.

    Returns:
      int64[matches] rows of the old table, and of the new.
    """
    places = {name: row for row, name in enumerate(old)}
    pairs = [(places[name], row) for row, name in enumerate(new) if name in places]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _carry_rows(variable: Any, value: np.ndarray | None, source: Path, dataset: OpenDataset, carried: Carried) -> None:
    name = variable.path.removesuffix(EMBEDDING_SUFFIX).split("/")[-1]
    info = next((feature for feature in dataset.features if feature.name == name), None)
    fits = value is not None and value.shape[1] == variable.shape[1]
    if not fits or value is None or info is None or info.vocabulary_file is None:
        carried.fresh.append(variable.path)
        return
    old_file = OutputDirectory(source).vocabularies / f"{name}.txt"
    if not old_file.is_file():
        raise InputError(f"{old_file}: missing, so embedding rows cannot be matched by token; train {source} again")
    new, old = read_vocabulary(dataset.directory / info.vocabulary_file), read_vocabulary(old_file)
    before, after = matching_rows(old, new)
    fresh = np.array(variable.numpy())
    fresh[:RESERVED_IDS] = value[:RESERVED_IDS]
    fresh[after + RESERVED_IDS] = value[before + RESERVED_IDS]
    variable.assign(fresh)
    carried.tokens[name] = Names(len(after), len(new) - len(after), len(old) - len(after))


def _carry_classes(
    variable: Any, value: np.ndarray | None, old: Sequence[str] | None, dataset: OpenDataset, carried: Carried
) -> None:
    new = dataset.label.classes
    rows_fit = value is not None and value.shape[:-1] == tuple(variable.shape)[:-1]
    if not rows_fit or value is None or (old is None) != (new is None):
        carried.fresh.append(variable.path)
    elif old == new and value.shape == tuple(variable.shape):
        variable.assign(value)
        carried.whole += 1
    elif old and new and dataset.label.kind == "multiclass" and value.shape[-1] == len(old):
        before, after = matching_rows(old, new)
        fresh = np.array(variable.numpy())
        fresh[..., after] = value[..., before]
        variable.assign(fresh)
        carried.classes = Names(len(after), len(new) - len(after), len(old) - len(after))
    else:
        carried.fresh.append(variable.path)


def read_vocabulary(path: Path) -> list[str]:
    """Tokens by line: line i holds the token with id i + 2."""
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines
