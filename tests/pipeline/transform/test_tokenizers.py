"""The tokenizers' two forms agree, and both agree with a plain definition in Python."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.transform.tokenizers import tokenize_in_arrow, tokenize_in_graph
from schemas.features import TextFeature

WORDS = TextFeature(kind="text")
CASED = TextFeature(kind="text", lowercase=False)
CHARACTERS = TextFeature(kind="text", tokenizer="characters")
BYTES = TextFeature(kind="text", tokenizer="bytes")

# Characters whose class and case are the same in every Unicode version in use.
ALPHABET = "abzAZ09'’-_. \t\n\r\x00<>/éÜßñçÅ日本語нЯأ́😀"
TEXTS = st.lists(st.text(ALPHABET, max_size=20), min_size=1, max_size=6)


def in_graph(texts: list[str], feature: TextFeature) -> list[list[Any]]:
    import tensorflow as tf

    encoded = np.array([text.encode() for text in texts], object)  # a plain list would lose trailing NUL characters
    rows = tokenize_in_graph(tf.constant(encoded), feature).to_list()
    return [[token.decode() if isinstance(token, bytes) else token for token in row] for row in rows]


def in_python(text: str, feature: TextFeature) -> list[str]:
    text = text.lower() if feature.lowercase else text
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" or c == "'" else " " for c in text)
    return [token for word in spaced.split(" ") if (token := word.strip("'"))]


@settings(deadline=None, max_examples=60)
@given(TEXTS)
@example(["It's GOOD<br />  Über-gut!", "", "'", "x'' ''y", "''", " 'a' 'b' "])
def test_words_agree_with_the_plain_definition(texts: list[str]) -> None:
    for feature in (WORDS, CASED):
        expected = [in_python(text, feature) for text in texts]
        assert tokenize_in_arrow(pa.array(texts), feature).to_pylist() == expected
        assert in_graph(texts, feature) == expected


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_characters_agree_with_the_plain_definition(texts: list[str]) -> None:
    marks = {"\r\n": "␤", "\r": "␤", "\n": "␤", "\x00": "␀"}
    expected = []
    for text in texts:
        for character, mark in marks.items():
            text = text.replace(character, mark)
        expected.append(list(text.lower()))
    assert tokenize_in_arrow(pa.array(texts), CHARACTERS).to_pylist() == expected
    assert in_graph(texts, CHARACTERS) == expected


@settings(deadline=None, max_examples=20)
@given(TEXTS)
def test_bytes_are_the_bytes(texts: list[str]) -> None:
    assert in_graph(texts, BYTES) == [list(text.encode()) for text in texts]


@pytest.mark.parametrize("feature", [WORDS, CHARACTERS])
def test_a_slice_of_a_larger_array_is_read_at_its_own_rows(feature: TextFeature) -> None:
    texts = pa.array(["first one", "second 'two'", "Drei é", "", "last"])
    expected = tokenize_in_arrow(texts, feature).to_pylist()[1:4]
    assert tokenize_in_arrow(texts.slice(1, 3), feature).to_pylist() == expected


def test_no_rows() -> None:
    assert tokenize_in_arrow(pa.array([], pa.string()), WORDS).to_pylist() == []
    assert tokenize_in_arrow(pa.array([], pa.string()), CHARACTERS).to_pylist() == []
