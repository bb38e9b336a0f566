"""Training: steps compiled once a shape, equal weight for every example, exact resume."""
