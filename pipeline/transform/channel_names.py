"""Names of a series' channels, before and after transformation."""

from __future__ import annotations

from schemas.features import SeriesFeature


def channel_names(name: str, feature: SeriesFeature) -> tuple[str, ...]:
    """Names of a series' raw channels; numbered ones where the spec only counts them."""
    if isinstance(feature.channels, list):
        return tuple(feature.channels)
    return tuple(f"{name}[{index}]" for index in range(feature.channels or 1))


def output_channel_names(name: str, feature: SeriesFeature) -> list[str]:
    """Names of the channels after transformation: values, then indicators, then the time delta."""
    names = list(channel_names(name, feature))
    indicators = [f"{channel} observed" for channel in names] if feature.indicators else []
    return names + indicators + (["time delta"] if feature.time_delta else [])
