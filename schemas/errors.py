"""Errors a user can act on: what was received, what was expected, what to do.

Every error here ends a command with exit status 2 and its text alone, without a traceback.
"""


class LengthwiseError(ValueError):
    """Base of all errors whose text is meant for the user."""


class SpecError(LengthwiseError):
    """A dataset spec that cannot be used."""


class ManifestError(LengthwiseError):
    """A directory that is no finished dataset, or one whose manifest cannot be read."""


class InputError(LengthwiseError):
    """Input files that are missing, unreadable or not what the spec says."""


class OutputError(LengthwiseError):
    """An output location that cannot be used."""


class DataError(LengthwiseError):
    """Readable input whose content does not allow the job to finish (no rows, too many rejects)."""
