"""Nothing vanishes: the counters of an ingest run and the equations they must satisfy.

Rows (an example each; an entity or a window of one, for event tables):

    rows_in = sum of rows/SPLIT + sum of rejected/REASON + sum of duplicates/SPLIT

Events:

    events/in = events/used            in a sequence, as the value of its channel at its time
              + events/static          picked from for a context feature or the label, and in no sequence
              + events/merged          one of several values of a channel at one time, or several rows at one time
              + events/missing         with no value
              + events/unknown_channel of a channel that no feature names
              + events/outside         in no window
              + events/rejected        unreadable key, time or value; sum of events/rejected/REASON

An event counts once, whatever becomes of its entity afterwards: the entity is accounted for among the rows.

Labels: labels/in = labels/used + labels/unmatched + labels/rejected, where labels/in counts rows of the label files;
rows whose key has no label are rejected/missing_label and also counted in keys/without_label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.errors import DataError
from schemas.manifest import Counts

EVENT_ENDS = ("used", "static", "merged", "missing", "unknown_channel", "outside", "rejected")
LABEL_ENDS = ("used", "unmatched", "rejected")


def add_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums partial counters; keys in sorted order."""
    total: dict[str, int] = {}
    for part in counts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return dict(sorted(total.items()))


def account(counts: Mapping[str, int]) -> Counts:
    """Checks that everything that came in is accounted for.

    Args:
      counts: all counters of a run, summed.

    Returns:
      The counts as the manifest holds them; `events` has the event and label counters without their prefix "events/".

    Raises:
      DataError: an equation does not hold, which is a defect of Lengthwise and never of the data.
    """
    rejected = _under(counts, "rejected/")
    duplicates = _under(counts, "duplicates/")
    written = _under(counts, "rows/")
    _must_equal("rows", counts.get("rows_in", 0), {"written": written, "rejected": rejected, "duplicates": duplicates})
    events = _under(counts, "events/")
    _must_equal("events", events.get("in", 0), {end: {end: events.get(end, 0)} for end in EVENT_ENDS})
    labels = _under(counts, "labels/")
    _must_equal("labels", labels.get("in", 0), {end: {end: labels.get(end, 0)} for end in LABEL_ENDS})
    beside = {name: value for name, value in counts.items() if name.startswith(("labels/", "keys/"))}
    return Counts(
        rows_in=counts.get("rows_in", 0),
        written=sum(written.values()),
        rejected=sum(rejected.values()),
        duplicates=sum(duplicates.values()),
        reject_reasons=rejected,
        duplicates_by_split=duplicates,
        events=events | beside,
    )


def largest_rejected_share(counts: Counts) -> tuple[str, float]:
    """("rows" or "events", share): the larger of the rejected shares, which the error budget is held against."""
    rows = counts.rejected / counts.rows_in if counts.rows_in else 0.0
    events_in = counts.events.get("in", 0)
    events = counts.events.get("rejected", 0) / events_in if events_in else 0.0
    return ("rows", rows) if rows >= events else ("events", events)


def _under(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in sorted(counts.items()) if name.startswith(prefix)}


def _must_equal(what: str, total: int, parts: Mapping[str, Mapping[str, int]]) -> None:
    sums = {name: sum(part.values()) for name, part in parts.items()}
    if total != sum(sums.values()):
        listed = " + ".join(f"{value:,} {name}" for name, value in sums.items())
        raise DataError(
            f"{what} do not add up: {total:,} came in, but {listed} = {sum(sums.values()):,}. This is a defect of "
            "Lengthwise, not of the data; nothing was published. Please report it with the spec"
        )
