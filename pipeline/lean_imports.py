"""Imports Beam and TensorFlow without optional packages that preprocessing never calls.

Both try to import whatever they have an adapter for, and do without what is absent. Told that these are absent, a run
starts with 650 instead of 760 MiB after a quarter less processor time (2026-11-24, all imports of a run):

    jax, pandas, scipy, h5py, PIL, googleapiclient   TensorFlow's converters, legacy Keras, cluster resolvers
    pymongo, apache_beam.io.gcp, google.cloud        Beam's MongoDB and Google Cloud connectors, when all is local

What was hidden can be imported as usual afterwards.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator

_WITH_TENSORFLOW = ("jax", "pandas", "scipy", "h5py", "PIL", "googleapiclient")
_WITH_BEAM = ("pandas", "pymongo")
_REMOTE = ("apache_beam.io.gcp", "google.cloud")


def stays_local(named: Iterable[str]) -> bool:
    """Whether a run touches this machine alone.

    Args:
      named: everything in which the user names files, places or Beam's runner: arguments, the spec's text.
    """
    return not any("://" in text or "runner" in text.lower() for text in named)


def import_beam(local: bool) -> None:
    """Imports Beam, before anything else does.

    Args:
      local: no other filesystem and no other runner is needed; see `stays_local`.
    """
    with _hidden((*_WITH_BEAM, *_REMOTE) if local else _WITH_BEAM):
        import apache_beam  # noqa: F401 (only for its effect)


def import_tensorflow() -> None:
    """Imports TensorFlow and starts its devices without what its C++ prints on the way; exceptions still come out."""
    # tf.Transform will ask for the legacy Keras; TensorFlow would import the new one first.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with _hidden(_WITH_TENSORFLOW), _standard_error_closed():
        import tensorflow as tf

        tf.zeros([])


@contextlib.contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Marks modules that are not imported yet as absent."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python marks a module that must not be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Sends file descriptor 2 nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
