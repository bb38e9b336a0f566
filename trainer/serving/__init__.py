"""Models that serve raw rows: the transform graph, padding and the trained model in one SavedModel, behind a gate."""
