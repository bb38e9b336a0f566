"""Batch prediction: raw files in, one prediction a row out, with the exported model alone."""
