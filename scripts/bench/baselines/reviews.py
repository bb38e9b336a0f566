"""What the preprocessing benchmark preprocesses, the same for all: film reviews, multiplied, and one task.

    copies    each review stands `copies` times, with its own id ("7-2") and one word more ("copy2"), so that every copy
              is a row of its own and the vocabulary is larger by the copies' words only
    the task  words of a review, lower case, apostrophes inside; the 20,000 most frequent have ids from 2; unknown is 1;
              no cap on length; all rows are train rows; at most 16 buckets of multiples of 8; duplicates stay

Assumes a Parquet file with id (string), text (string) and label (0 or 1).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

VOCABULARY_SIZE = 20_000
BUCKETS = 16
ALIGN = 8
UNKNOWN_ID = 1
FIRST_WORD_ID = 2
# Rows of a row group, and so of the stock baseline's batches: as many as our own pipeline's.
ROWS_PER_GROUP = 4096

_SPEC = """\
name: reviews
key: id
features:
  text: {{kind: text, tokenizer: words, vocabulary: {{size: {vocabulary_size}}}}}
label: {{column: label, kind: binary}}
splits: {{train: 1.0}}
duplicates: keep
batching: {{buckets: {buckets}, align: {align}}}
"""


def write_reviews(source: Path, target: Path, copies: int, rows: int | None = None) -> tuple[int, int]:
    """Writes `copies` of each review to a Parquet file.

    Args:
      source: Parquet file with id, text and label.
      target: the file to write.
      copies: how often each review stands in it.
      rows: reviews that are taken, evenly spread over the source, before they are multiplied; None takes all.

    Returns:
      Rows written, and their size in memory in bytes.

    Raises:
      ValueError: `copies` or `rows` below 1.
    """
    if copies < 1 or (rows is not None and rows < 1):
        raise ValueError(f"received {copies} copies of {rows} rows, expected at least 1 of each")
    reviews = parquet.read_table(source, columns=["id", "text", "label"])
    if rows is not None and rows < reviews.num_rows:
        reviews = reviews.take(pa.array(np.arange(rows) * reviews.num_rows // rows))
    parts = [_copy(reviews, number) for number in range(1, copies + 1)]
    table = pa.concat_tables(parts)
    parquet.write_table(table, target, row_group_size=ROWS_PER_GROUP)
    return table.num_rows, table.nbytes


def spec_text(vocabulary_size: int = VOCABULARY_SIZE) -> str:
    """The task as a dataset spec (YAML)."""
    return _SPEC.format(vocabulary_size=vocabulary_size, buckets=BUCKETS, align=ALIGN)


def _copy(reviews: pa.Table, number: int) -> pa.Table:
    identifiers = pc.binary_join_element_wise(reviews["id"].cast(pa.string()), str(number), "-")
    texts = pc.binary_join_element_wise(reviews["text"], f"copy{number}", " ")
    return pa.table({"id": identifiers, "text": texts, "label": reviews["label"]})
