"""A run ends with an error when too much was rejected, of rows or of events, and says what and why."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.finish import check_counts
from schemas.errors import DataError
from schemas.manifest import Counts
from schemas.spec import parse_spec

SPEC = parse_spec({"name": "t", "features": {"x": {"kind": "ids"}}, "max_rejected": 0.1})


def counts(**changes: Any) -> Counts:
    content = {"rows_in": 100, "written": 95, "rejected": 5, "duplicates": 0, "reject_reasons": {"type": 5}} | changes
    return Counts(**content)


def test_within_the_budget_all_is_well() -> None:
    check_counts(counts(), SPEC, [])
    check_counts(counts(events={"in": 1000, "rejected": 100}), SPEC, [])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rejected": 11, "written": 89}, "11 of 100 rows were rejected (11.0%), more than the 10.0%"),
        ({"events": {"in": 1000, "rejected": 101}}, "101 of 1,000 events were rejected (10.1%)"),
        ({"rows_in": 0, "written": 0, "rejected": 0}, "the input holds no rows"),
        ({"written": 0, "rejected": 0, "duplicates": 100}, "no rows are left to write"),
    ],
)
def test_a_run_without_enough_good_rows_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as error:
        check_counts(counts(**changes), SPEC, ["rows.csv, row 3: x: expected a list"])
    assert said in str(error.value)
    if "rejected (" in said:
        assert "rows.csv, row 3: x: expected a list" in str(error.value)
