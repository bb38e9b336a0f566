"""Imports Keras and its backend without what their C++ prints on the way; exceptions still come out."""

from __future__ import annotations

import os
import sys


def quiet_start() -> None:
    """Imports the backend and starts its devices with the process's error stream closed to them.

    TF_CPP_MIN_LOG_LEVEL, where set, wins over the level chosen here, and 0 shows everything.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        import keras

        keras.ops.zeros([])
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
