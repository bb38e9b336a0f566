"""How rows are divided into train, validation and test.

Four ways, told apart by `by`:

    {train: 0.9, validation: 0.1}                                    hash of key, or of `group` (the default)
    {by: time, column: date, validation: 2015-06-01, test: 2015-09-01}   a row at or after a date goes there
    {by: column, column: fold, train: [a, b], validation: [c]}       a column says it
    {by: input}                                                      --input train=... --input validation=...

The hash is of the key's own bytes, so a row lands in the same split in every run, whatever stands beside it.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.strict import Strict

SPLIT_NAMES = ("train", "validation", "test")


class HashSplit(Strict):
    """Shares of the rows by a hash of the key or, when given, of a group column."""

    by: Literal["hash"] = "hash"
    train: float = Field(0.9, gt=0, le=1)
    validation: float = Field(0.0, ge=0, lt=1)
    test: float = Field(0.0, ge=0, lt=1)
    group: str | None = Field(None, description="Column whose rows never stand in two splits.")
    stratify: bool = Field(
        False,
        description="Shares hold for every label class: by the hashes alone where they come within 10%, as in large "
        "classes, else by moving the cuts of a class; a row near such a cut can change its split when its class grows.",
    )
    salt: str = Field("", description="Changes which rows go where.")

    @model_validator(mode="after")
    def _shares_add_up(self) -> HashSplit:
        total = math.fsum((self.train, self.validation, self.test))
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(
                f"received train {self.train} + validation {self.validation} + test {self.test} = {total:g}, "
                "expected shares that add up to 1"
            )
        if self.stratify and self.group is not None:
            raise ValueError("'stratify' and 'group' exclude each other: a group can hold several classes")
        return self


class TimeSplit(Strict):
    """Rows at or after a moment belong to the later split."""

    by: Literal["time"]
    column: str
    validation: Any = Field(None, description="First moment of the validation split: a date, timestamp or number.")
    test: Any = Field(None, description="First moment of the test split.")


class ColumnSplit(Strict):
    """A column holds the split, by name or by the listed values."""

    by: Literal["column"]
    column: str
    train: list[str] = Field(default_factory=lambda: ["train"])
    validation: list[str] = Field(default_factory=lambda: ["validation"])
    test: list[str] = Field(default_factory=lambda: ["test"])


class InputSplit(Strict):
    """Each split has inputs of its own, named on the command line."""

    by: Literal["input"]


def _split_kind(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("by", "hash"))
    return str(getattr(value, "by", "hash"))


AnySplit = Annotated[
    Annotated[HashSplit, Tag("hash")]
    | Annotated[TimeSplit, Tag("time")]
    | Annotated[ColumnSplit, Tag("column")]
    | Annotated[InputSplit, Tag("input")],
    Discriminator(_split_kind),
]
