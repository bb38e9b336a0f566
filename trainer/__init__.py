"""Keras 3 training on bucketed datasets: masked layers, models, fit, evaluation and gated export."""
