"""What every test stands on: quiet libraries, reproducible property tests, and the data beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports TensorFlow. A test measures neither the machine's log level nor its oneDNN kernels, which
# round differently with the number of threads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# The same examples in every run, so that a failure in continuous integration is one on every machine; no deadline,
# for the first call of a TensorFlow function takes a hundred times as long as the second.
hypothesis.settings.register_profile("lengthwise", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("lengthwise")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real data sets beside the checkout; the test is skipped where it is absent."""
    directory = REPOSITORY.parent / "shared" / "data"
    if not directory.is_dir():
        pytest.skip(f"no real data: {directory} is not there")
    return directory
