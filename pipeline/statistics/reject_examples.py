"""Rejected rows by reason, with a few examples each.

Examples are the first by detail, key and row, never by file or position, so that the same rows show the same examples
however they were laid out in files.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.statistics import RejectExample, RejectReason

EXAMPLES = 5
_ROW_CHARACTERS = 400
_DETAIL_CHARACTERS = 400


def describe_rejects(lines: Iterable[bytes], reasons: Mapping[str, int], rows_in: int) -> list[RejectReason]:
    """One entry a reason, most frequent first.

    Args:
      lines: JSON lines as in rejected/*.jsonl.
      reasons: rejected rows by reason, from the accounts.
      rows_in: all input rows.
    """
    examples: dict[str, list[tuple[str, str, str]]] = {}
    for line in lines:
        entry = json.loads(line)
        key = entry.get("key")
        example = (_text(entry.get("detail"), _DETAIL_CHARACTERS), json.dumps(key), _row(entry.get("row")))
        kept = examples.setdefault(str(entry["reason"]), [])
        kept.append(example)
        if len(kept) >= 64 * EXAMPLES:  # now and then, so that memory stays small
            examples[str(entry["reason"])] = heapq.nsmallest(EXAMPLES, kept)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return [
        RejectReason(
            reason=reason,
            count=count,
            share=count / rows_in if rows_in else 0.0,
            examples=[
                RejectExample(detail=detail, key=json.loads(key), row=row)
                for detail, key, row in heapq.nsmallest(EXAMPLES, examples.get(reason, []))
            ],
        )
        for reason, count in ordered
    ]


def _text(value: Any, characters: int) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= characters else text[: characters - 3] + "..."


def _row(value: Any) -> str:
    return _text(json.dumps(value, ensure_ascii=False, sort_keys=True), _ROW_CHARACTERS) if value is not None else ""
