"""Keeps TensorFlow's and Beam's own chatter off the terminal; what fails is still raised, and said once."""

from __future__ import annotations

import logging
import os
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
