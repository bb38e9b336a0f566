"""Statistics of a dataset: exact, mergeable in any order."""
