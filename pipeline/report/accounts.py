"""Where every input row went: written, rejected with examples, duplicates, events."""

from __future__ import annotations

from pipeline.report.bars import legend, stacked, table
from pipeline.report.markup import Markup, data, join, tag
from pipeline.report.numbers import count, plural, share
from schemas.manifest import Counts
from schemas.statistics import RejectReason, Statistics


def account_section(statistics: Statistics) -> Markup:
    """The section on rows in and out."""
    counts = statistics.counts
    parts = [
        ("written", counts.written, "train"),
        ("rejected", counts.rejected, "bad"),
        ("duplicates", counts.duplicates, "padding"),
    ]
    total = counts.rows_in or 1
    named = [(name, f"{count(rows)} · {share(rows / total)}", css) for name, rows, css in parts]
    return tag(
        "section",
        tag("h2", "Where every row went"),
        tag("p", f"{plural(counts.rows_in, 'row')} came in; the parts add up.", class_="muted"),
        stacked(parts, "Input rows"),
        legend(named),
        _duplicates(counts),
        _events(counts),
        _rejects(statistics.rejects),
        id="rows",
    )


def _duplicates(counts: Counts) -> Markup | None:
    if not counts.duplicates:
        return None
    by_split = ", ".join(f"{count(rows)} in {split}" for split, rows in counts.duplicates_by_split.items())
    text = f"{plural(counts.duplicates, 'row')} with the same features and label as another"
    return join(
        [
            tag("h3", "Duplicates"),
            tag(
                "p",
                f"{text} {'was' if counts.duplicates == 1 else 'were'} dropped{': ' + by_split if by_split else ''}.",
            ),
        ]
    )


def _events(counts: Counts) -> Markup | None:
    if not counts.events:
        return None
    rows = [[data(name), count(number)] for name, number in sorted(counts.events.items())]
    return tag("details", tag("summary", "Events and labels"), table(["", "count"], rows))


def _rejects(rejects: list[RejectReason]) -> Markup:
    if not rejects:
        return tag("p", "No row was rejected.", class_="note", style="margin-top:14px")
    parts: list[Markup] = [tag("h3", "Rejected rows by reason")]
    rows = [[data(reject.reason), count(reject.count), share(reject.share, 2)] for reject in rejects]
    parts.append(table(["reason", "rows", "share"], rows))
    for index, reject in enumerate(rejects):
        examples: list[list[str | Markup]] = [
            [
                tag("code", data(example.key, 60)) if example.key is not None else "–",
                data(example.detail, 400),
                tag("code", data(example.row, 400)),
            ]
            for example in reject.examples
        ]
        summary = tag("summary", "Examples: ", data(reject.reason))
        shown = table(["key", "what is wrong", "row"], examples, "wrap")
        parts.append(tag("details", summary, shown, open=None if index else "open"))
    parts.append(tag("p", "rejected/ holds all of them, with file and position.", class_="note"))
    return join(parts)
