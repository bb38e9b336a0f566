"""Transformed rows to padded TFRecord shards, probes and rejected rows."""
