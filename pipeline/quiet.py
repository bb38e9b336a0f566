"""Keeps TensorFlow's and Beam's own chatter off the terminal; what fails is still raised, and said once."""

from __future__ import annotations

import logging
import os
import sys
import warnings


def quiet_libraries() -> None:
    """Call before TensorFlow or Beam is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # Preprocessing needs no GPU, and must not take one from a training run beside it.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    logging.getLogger().setLevel(logging.ERROR)
    for name in ("apache_beam", "tensorflow", "absl"):
        # What fails is raised as well, and shown once: as a sentence, or as a traceback where it is unexpected.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore")


def import_tensorflow() -> None:
    """Imports TensorFlow and starts its devices without what its C++ prints on the way; exceptions still come out.

    TensorFlow imports JAX where it is installed, for a converter that is not used here: 0.65 s and 120 MiB. It is told
    that there is none.
    """
    sys.stderr.flush()
    hides_jax = "jax" not in sys.modules
    if hides_jax:
        sys.modules["jax"] = None  # type: ignore[assignment]  # how Python marks a module that must not be imported
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        import tensorflow as tf

        tf.zeros([])
    finally:
        if hides_jax:
            del sys.modules["jax"]
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
