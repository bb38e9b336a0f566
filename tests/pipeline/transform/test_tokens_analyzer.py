"""Token counts are exact and merge in any order; the vocabulary's order is fixed by counts and bytes."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.tokens_analyzer import TokenCounts
from schemas.features import Vocabulary

ROWS = st.lists(st.lists(st.sampled_from(["a", "b", "é", "", "x\ny", "z", "日本"]), max_size=6), max_size=12)


def counted(rows: list[list[str]]) -> TokenCounts:
    return TokenCounts.of(pa.array(rows, pa.list_(pa.string())))


def as_dict(counts: TokenCounts) -> dict[str, int]:
    return dict(zip(counts.tokens.to_pylist(), counts.counts.to_pylist(), strict=True))


@given(ROWS)
def test_merging_singles_uneven_groups_and_one_part_agree(rows: list[list[str]]) -> None:
    expected = dict(Counter(token for row in rows for token in row))
    singles = TokenCounts.merge(counted([row]) for row in rows)
    uneven = TokenCounts.merge([counted(rows[:2]), counted(rows[2:])])
    for counts in (counted(rows), singles, uneven, TokenCounts.merge([uneven])):
        assert as_dict(counts) == expected
        assert counts.lengths.to_json() == counted(rows).lengths.to_json()
        again = TokenCounts.from_bytes(counts.to_bytes())
        assert as_dict(again) == expected and again.lengths.to_json() == counts.lengths.to_json()


@given(ROWS, st.integers(1, 5), st.integers(1, 3))
def test_the_vocabulary_holds_the_most_frequent_writable_tokens(rows: list[list[str]], size: int, least: int) -> None:
    seen = Counter(token for row in rows for token in row)
    writable = {token: count for token, count in seen.items() if token and "\n" not in token and count >= least}
    expected = sorted(writable, key=lambda token: (-writable[token], token.encode()))[:size]
    table = counted(rows).vocabulary(Vocabulary(size=size, min_count=least))
    assert table["token"].to_pylist() == expected
    assert table["count"].to_pylist() == [writable[token] for token in expected]


def test_nothing_counted() -> None:
    empty = TokenCounts.merge([])
    assert empty.vocabulary(Vocabulary()).num_rows == 0
    assert as_dict(TokenCounts.from_bytes(empty.to_bytes())) == {}


def test_bytes_are_tokens_of_their_value() -> None:
    counts = TokenCounts.of_bytes([b"aab", b"", "é".encode()])
    assert as_dict(counts) == {"97": 2, "98": 1, "195": 1, "169": 1}
    assert counts.lengths.to_json() == '{"lengths": [0, 2, 3], "rows": [1, 1, 1]}'
