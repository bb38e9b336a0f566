"""From the spec's features, and later from what analysis found, to the manifest's description of each feature."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.rows import raw_features
from pipeline.transform.analysis import FeatureAnalysis
from pipeline.transform.channel_names import output_channel_names
from schemas.features import NumberFeature, SeriesFeature, VectorFeature
from schemas.manifest import FeatureInfo
from schemas.spec import DatasetSpec


def describe_features(spec: DatasetSpec, analyses: Mapping[str, FeatureAnalysis] | None = None) -> list[FeatureInfo]:
    """Describes every feature as the trainer will read it.

    Args:
      spec: a resolved spec.
      analyses: what analysis found, by feature; before analysis sizes and caps stay None.
    """
    analyses = analyses or {}
    return [_describe(spec, name, analyses.get(name)) for name in spec.features]


def _describe(spec: DatasetSpec, name: str, analysis: FeatureAnalysis | None) -> FeatureInfo:
    feature = spec.features[name]
    common = {
        "name": name,
        "source_kind": feature.kind,
        "is_sequence": feature.is_sequence,
        "max_length": analysis.max_length if analysis else None,
        "padding": spec.padding_of(name) if feature.is_sequence else None,
        "raw": raw_features(spec, name),
    }
    if isinstance(feature, SeriesFeature):
        names = output_channel_names(name, feature)
        return FeatureInfo(kind="series", dtype="float32", channels=len(names), channel_names=names, **common)
    if isinstance(feature, NumberFeature):
        names = [name, f"{name} observed"] if feature.indicator else [name]
        return FeatureInfo(kind="number", dtype="float32", channels=len(names), channel_names=names, **common)
    if isinstance(feature, VectorFeature):
        return FeatureInfo(kind="vector", dtype="float32", channels=feature.size, **common)
    kind = "category" if feature.kind == "category" else "ids"
    vocabulary = analysis.vocabulary if analysis else None
    return FeatureInfo(
        kind=kind,
        dtype="int64",
        vocabulary_size=vocabulary["size"] if vocabulary else None,
        vocabulary_file=f"vocabularies/{name}.txt",
        **common,
    )
