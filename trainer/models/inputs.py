"""What a model is given, in the few facts that a builder needs of each feature.

    kind       input                                       beside it
    ids        NAME   int64[batch, steps]                  NAME_length  int64[batch]
    series     NAME   float32[batch, steps, channels]      NAME_length  int64[batch]
    number     NAME   float32[batch, channels]             (1, or 2 with an indicator)
    vector     NAME   float32[batch, channels]
    category   NAME   int64[batch]

Ids: 0 padding, 1 unknown, then the vocabulary. Sequences are padded after ("post") or before ("pre") their real steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.manifest import FeatureInfo, Manifest
from trainer.models.errors import ModelError

KINDS = ("ids", "series", "number", "category", "vector")
SEQUENCE_KINDS = ("ids", "series")
HEADS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class FeatureInput:
    """One feature.

    Attributes:
      name: of the input; `NAME_length` goes with a sequence.
      kind: "ids", "series", "number", "category" or "vector".
      channels: values a step (series) or a row (number, vector).
      vocabulary_size: ids in use, padding and unknown counted in (ids, category).
      padding: "post" or "pre"; sequences only.
    """

    name: str
    kind: str
    channels: int = 1
    vocabulary_size: int = 0
    padding: str = "post"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ModelError(f"{self.name}: received kind {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.kind in ("ids", "category") and self.vocabulary_size < 1:
            raise ModelError(f"{self.name}: received a vocabulary of {self.vocabulary_size} ids, expected at least 1")
        if self.channels < 1:
            raise ModelError(f"{self.name}: received {self.channels} channels, expected at least 1")
        if self.padding not in ("post", "pre"):
            raise ModelError(f"{self.name}: received padding {self.padding!r}, expected post or pre")

    @property
    def is_sequence(self) -> bool:
        """Whether the feature has a time axis."""
        return self.kind in SEQUENCE_KINDS


@dataclass(frozen=True)
class InputDescription:
    """All features, and what is predicted from them.

    Attributes:
      features: at least one of them a sequence.
      head: "binary", "multiclass" or "regression".
      classes: number of classes, multiclass only.
    """

    features: tuple[FeatureInput, ...]
    head: str
    classes: int = 2

    def __post_init__(self) -> None:
        if not self.sequences:
            names = ", ".join(feature.name for feature in self.features) or "none"
            raise ModelError(f"received the features {names}, expected at least one sequence (ids or series)")
        if self.head not in HEADS:
            raise ModelError(f"received head {self.head!r}, expected one of {', '.join(HEADS)}")
        if self.head == "multiclass" and self.classes < 1:
            raise ModelError(f"received {self.classes} classes, expected at least 1")

    @property
    def sequences(self) -> tuple[FeatureInput, ...]:
        """Features with a time axis, in order."""
        return tuple(feature for feature in self.features if feature.is_sequence)

    @property
    def context(self) -> tuple[FeatureInput, ...]:
        """Features without one, in order."""
        return tuple(feature for feature in self.features if not feature.is_sequence)


def describe_inputs(manifest: Manifest, names: Sequence[str] | None = None) -> InputDescription:
    """The description of a dataset.

    Args:
      manifest: of the dataset.
      names: the features that the model reads; all when None.

    Raises:
      ModelError: a name that the dataset does not have, no sequence among them, or a dataset without a label.
    """
    known = {feature.name: feature for feature in manifest.features}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ModelError(f"received the features {', '.join(unknown)}; {manifest.name} has {', '.join(known)}")
    if manifest.label is None:
        raise ModelError(f"{manifest.name} has no label, so there is nothing to predict; name one in its spec")
    chosen = [feature for feature in manifest.features if names is None or feature.name in names]
    return InputDescription(
        features=tuple(_feature_input(feature) for feature in chosen),
        head=manifest.label.kind,
        classes=len(manifest.label.classes or ()) if manifest.label.kind == "multiclass" else 2,
    )


def _feature_input(info: FeatureInfo) -> FeatureInput:
    return FeatureInput(
        name=info.name,
        kind=info.kind,
        channels=info.channels or 1,
        vocabulary_size=info.vocabulary_size or 0,
        padding=info.padding or "post",
    )
