"""Feature kinds of a dataset spec.

Sequence features have a length in steps for every row:

    text     a string, tokenised                 -> int64[steps] token ids
    tokens   a list of strings                   -> int64[steps] token ids
    ids      a list of integers                  -> int64[steps] token ids
    series   a list of numbers or of vectors     -> float32[steps, channels]

Context features have one value a row and stand beside the sequences:

    number   a number                            -> float32[]   (float32[2] with an indicator)
    category a string or integer                 -> int64[] id
    vector   a list of numbers of fixed size     -> float32[size]

Token and category ids: 0 is padding, 1 is unknown, 2 onwards is the vocabulary, most frequent first.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from schemas.strict import Strict

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2


class Vocabulary(Strict):
    """Which tokens get an id of their own: the most frequent in the train split, ties by the token itself."""

    size: int = Field(20_000, ge=1, description="Largest number of tokens kept, without padding and unknown.")
    min_count: int = Field(1, ge=1, description="Tokens seen fewer times in the train split are unknown.")


class Quantile(Strict):
    """A length cap read off the train split: the smallest length that covers this share of its rows."""

    quantile: float = Field(gt=0, le=1)


class Feature(Strict):
    """What every feature has: the column it is read from, and whether a row may lack it."""

    is_sequence: ClassVar[bool] = False

    column: str | None = Field(None, description="Input column; the feature's own name when absent.")
    required: bool = Field(True, description="A row without a value is rejected; otherwise it counts as empty.")


class SequenceFeature(Feature):
    """What every sequence feature has: a length cap, the end that is cut, the side that is padded."""

    is_sequence: ClassVar[bool] = True

    max_length: Annotated[int, Field(ge=1)] | Quantile | None = Field(
        None, description="Longest sequence in steps; longer ones are cut. A number, or {quantile: 0.99}."
    )
    truncate: Literal["tail", "head"] = Field("tail", description="Which end is cut from a too long sequence.")
    padding: Literal["post", "pre"] | None = Field(
        None, description="Side that is padded; batching.padding when absent."
    )
    min_steps: int = Field(0, ge=0, description="Rows with fewer raw steps are rejected.")
    max_steps: int | None = Field(
        None, ge=1, description="Rows with more raw steps (bytes for text) are rejected, before any truncation."
    )

    @field_validator("max_length", mode="before")
    @classmethod
    def _max_length_form(cls, value: Any) -> Any:
        if (
            value is None
            or isinstance(value, dict | Quantile)
            or (isinstance(value, int) and not isinstance(value, bool))
        ):
            return value
        raise ValueError(f"received {value!r}, expected a number of steps such as 256, or {{quantile: 0.99}}")


class TokenSequence(SequenceFeature):
    """What the features that become token ids share."""

    vocabulary: Vocabulary = Field(default_factory=Vocabulary)


class TextFeature(TokenSequence):
    """A string, tokenised inside the transform graph."""

    kind: Literal["text"]
    tokenizer: Literal["words", "characters", "bytes"] = "words"
    lowercase: bool = True


class TokensFeature(TokenSequence):
    """A list of strings, used as they are."""

    kind: Literal["tokens"]


class IdsFeature(TokenSequence):
    """A list of integers, mapped through a vocabulary like tokens (so 0 is a value like any other)."""

    kind: Literal["ids"]
    minimum: int | None = Field(None, description="Rows with a smaller id are rejected.")
    maximum: int | None = Field(None, description="Rows with a larger id are rejected.")


class Resample(Strict):
    """Regular windows over irregular times, only when asked for."""

    window: float = Field(gt=0, description="Width in units of the time column (seconds for dates).")
    aggregate: Literal["mean", "last", "first", "min", "max", "sum", "count"] = "mean"


class SeriesFeature(SequenceFeature):
    """A list of numbers, or of vectors of `channels` numbers.

    A value that is null (or listed in `missing_values`) is missing: `missing` says what stands in for it, and
    `indicators` adds one 0/1 channel a channel that says where a value was observed. NaN and infinity are
    never data: they reject the row unless `nan: missing`.
    """

    kind: Literal["series"]
    channels: list[str] | int | None = Field(
        None, description="Channel names, or their number; found in the data when absent."
    )
    scale: Literal["z_score", "min_max", "none"] = "z_score"
    clip: float | None = Field(None, gt=0, description="Scaled values are cut to [-clip, clip].")
    missing: Literal["forward_fill", "mean", "zero"] = Field(
        "mean",
        description="What stands in: the last value observed in the sequence (the train mean before the first), "
        "the train mean, or 0 before scaling.",
    )
    missing_values: list[float] = Field(default_factory=list, description="Values that mean 'not known', such as -1.")
    nan: Literal["reject", "missing"] = "reject"
    indicators: bool = False
    time: str | None = Field(None, description="Column with the list of times of the steps (nested input).")
    time_delta: bool = Field(False, description="Adds log1p(time since the step before) as a channel.")
    resample: Resample | None = None
    minimum: float | None = Field(None, description="Rows with a smaller value are rejected.")
    maximum: float | None = Field(None, description="Rows with a larger value are rejected.")

    @field_validator("channels")
    @classmethod
    def _channels_are_distinct(cls, value: list[str] | int | None) -> list[str] | int | None:
        if isinstance(value, list) and (not value or len(set(value)) != len(value)):
            raise ValueError(f"received {value!r}, expected at least one channel and no name twice")
        if isinstance(value, int) and value < 1:
            raise ValueError(f"received {value}, expected at least one channel")
        return value


class NumberFeature(Feature):
    """One number a row."""

    kind: Literal["number"]
    channel: str | None = Field(None, description="Event tables: the channel this value is picked from.")
    pick: Literal["first", "last", "mean", "min", "max"] = Field("first", description="Which of several events counts.")
    scale: Literal["z_score", "min_max", "none"] = "z_score"
    clip: float | None = Field(None, gt=0, description="The scaled value is cut to [-clip, clip].")
    missing_values: list[float] = Field(default_factory=list, description="Values that mean 'not known', such as -1.")
    indicator: bool = Field(False, description="Adds a 0/1 value that says whether the number was known.")
    minimum: float | None = None
    maximum: float | None = None


class CategoryFeature(Feature):
    """One of a set of values a row."""

    kind: Literal["category"]
    channel: str | None = Field(None, description="Event tables: the channel this value is picked from.")
    pick: Literal["first", "last"] = "first"
    vocabulary: Vocabulary = Field(default_factory=lambda: Vocabulary(size=1_000))
    allowed: list[str] | None = Field(None, description="Rows with another value are rejected.")


class VectorFeature(Feature):
    """A list of numbers of the same size in every row."""

    kind: Literal["vector"]
    size: int = Field(ge=1)
    scale: Literal["z_score", "min_max", "none"] = "z_score"


AnyFeature = Annotated[
    TextFeature | TokensFeature | IdsFeature | SeriesFeature | NumberFeature | CategoryFeature | VectorFeature,
    Field(discriminator="kind"),
]


class Label(Strict):
    """What is predicted, one value a row.

    `binary`: 0/1, true/false or two classes (`positive` names the one that counts as 1; the later one in sorted order
    otherwise). `multiclass`: any strings or integers, classes in sorted order unless listed. `regression`: a number.
    """

    column: str | None = Field(None, description="Input column with the label.")
    channel: str | None = Field(None, description="Event tables: the channel the label is picked from.")
    kind: Literal["binary", "multiclass", "regression"]
    classes: list[str] | None = Field(None, description="The whole set of classes; a row with another one is rejected.")
    positive: str | None = Field(None, description="Binary only: the class that counts as 1.")
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Label:
        if (self.column is None) == (self.channel is None):
            raise ValueError("expected exactly one of 'column' and 'channel'")
        if self.kind == "regression" and (self.classes or self.positive):
            raise ValueError("'classes' and 'positive' have no meaning for a regression label; remove them")
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes: a class stands twice in {self.classes!r}")
        if self.kind == "binary" and self.classes is not None and len(self.classes) != 2:
            raise ValueError(f"classes: a binary label has 2 classes, received {len(self.classes)}")
        return self
