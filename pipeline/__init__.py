"""Beam and tf.Transform: raw variable-length rows in, length-bucketed TFRecords out."""
