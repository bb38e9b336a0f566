"""The report: whole, self-contained, escaped, for datasets of every kind and size."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from pipeline.report import findings, make_report
from pipeline.report.markup import data, escape, tag
from pipeline.report.numbers import compact, count, number, plural, share
from schemas.manifest import Manifest
from schemas.statistics import Statistics
from tests.pipeline.report.samples import HOSTILE, sample

CASES: dict[str, dict[str, Any]] = {
    "usual": {},
    "no_label": {"label": None},
    "regression": {"label": "regression"},
    "many_channels": {"channels": 40},
    "one_row": {"rows": 1},
    "all_empty": {"lengths": [0]},
    "many_classes": {"classes": [f"class {index}" for index in range(500)]},
    "hostile_text": {"classes": [HOSTILE, "b"], "tokens": [HOSTILE, "\u202eabc", "\x00\x1b[31m", " ", ""]},
    "giant": {"lengths": [3] * 50 + [2_000_000]},
    "constant": {"lengths": [7] * 30},
    "rejects": {"rejects": 3},
}


@pytest.fixture(scope="module", params=CASES, ids=str)
def made(request: pytest.FixtureRequest) -> tuple[Manifest, Statistics, str]:
    manifest, statistics = sample(**CASES[request.param])
    return manifest, statistics, make_report(manifest, statistics)


def parsed(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def test_well_formed_and_encodable(made: tuple[Manifest, Statistics, str]) -> None:
    root = parsed(made[2])
    assert root.tag == "html"
    assert root.find("head/title") is not None
    made[2].encode("utf-8")


def test_nothing_is_fetched(made: tuple[Manifest, Statistics, str]) -> None:
    root = parsed(made[2])
    for element in root.iter():
        assert element.tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name in ("src", "href", "action", "data"):
            assert element.get(name, "#").startswith("#")
    style = root.find("head/style")
    assert style is not None and style.text is not None
    assert "url(" not in style.text and "@import" not in style.text


def test_every_feature_has_its_section_and_every_link_its_target(made: tuple[Manifest, Statistics, str]) -> None:
    manifest, _, page = made
    root = parsed(page)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for feature in manifest.features:
        assert f"feature-{feature.name}" in ids
    for link in root.iter("a"):
        assert str(link.get("href")).removeprefix("#") in ids


def test_data_never_becomes_markup(made: tuple[Manifest, Statistics, str]) -> None:
    page = made[2]
    assert "<script>alert" not in page
    assert len(re.findall("<script", page)) == 1
    assert not [element for element in parsed(page).iter() if any(name.startswith("on") for name in element.attrib)]


def test_no_number_is_not_one(made: tuple[Manifest, Statistics, str]) -> None:
    body = parsed(made[2]).find("body")
    assert body is not None
    for block in body.iter("pre"):  # the spec has keys like these
        block.text = ""
    for value in body.iter("bdi"):
        value.text = ""
    text = " ".join(body.itertext()) + " ".join(value for element in body.iter() for value in element.attrib.values())
    assert not re.search(r"\b(nan|inf|None)\b", text)


def test_hostile_text_is_shown_as_text() -> None:
    page = make_report(*sample(classes=[HOSTILE, "b"], tokens=[HOSTILE]))
    assert HOSTILE in " ".join(parsed(page).itertext())


def test_boundaries_are_drawn_on_the_length_chart() -> None:
    manifest, statistics = sample(lengths=list(range(1, 60)))
    root = parsed(make_report(manifest, statistics))
    titles = {title.text for title in root.iter("title")}
    for bucket in manifest.buckets:
        assert f"boundary {bucket.lengths['text']}" in titles


def test_the_same_statistics_give_the_same_report() -> None:
    assert make_report(*sample()) == make_report(*sample())


def test_findings_warn_of_a_leak_and_of_what_is_lost() -> None:
    _, statistics = sample(leak=True, rejects=3)
    found = [finding.text for finding in findings(statistics) if finding.level == "warning"]
    assert any("leaks the label" in text for text in found)
    assert any("rejected" in text for text in found)
    page = make_report(*sample(leak=True))
    assert 'class="callout"' in page
    assert 'class="callout"' not in make_report(*sample())


def test_markup_escapes_plain_text_and_keeps_markup() -> None:
    assert tag("p", "a < b", tag("b", "&"), class_="x\"'") == '<p class="x&quot;&#x27;">a &lt; b<b>&amp;</b></p>'
    assert escape("\x00\ud800") == "��"
    assert data("") == '<bdi class="data blank">(empty)</bdi>'
    assert data(" ") == '<bdi class="data blank">&#x27; &#x27;</bdi>'
    assert data("a" * 500, 10) == '<bdi class="data">aaaaaaaaa…</bdi>'


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (share(0.9246), "92.5%"),
        (share(0.0001), "<0.1%"),
        (share(0.99999), ">99.9%"),
        (share(0.0), "0.0%"),
        (share(1.0), "100.0%"),
        (compact(950), "950"),
        (compact(12_345), "12.3 k"),
        (compact(5_898_767), "5.9 M"),
        (count(24904), "24,904"),
        (number(None), "–"),
        (number(3.0), "3"),
        (number(0.123456), "0.1235"),
        (plural(1, "class"), "1 class"),
        (plural(2, "class"), "2 classes"),
    ],
)
def test_numbers_read_well(shown: str, expected: str) -> None:
    assert shown == expected
