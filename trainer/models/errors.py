"""The error of this package."""

from __future__ import annotations

from schemas.errors import LengthwiseError


class ModelError(LengthwiseError):
    """A model that cannot be built from what was received."""
