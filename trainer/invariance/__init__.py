"""Proof that padding changes nothing in a model, any Keras model, and the name of the layer where it does.

rows        a batch as rows without padding, padded again in any way
synthetic   rows for a model of which nothing is known but its inputs
recorder    what every layer of a model gave in one call
leak        the first layer whose output moves with the padding
checks      all of it, as one report
"""

from trainer.invariance.checks import CheckResult, InvarianceReport, check_padding_invariance
from trainer.invariance.rows import Rows

__all__ = ["CheckResult", "InvarianceReport", "Rows", "check_padding_invariance"]
