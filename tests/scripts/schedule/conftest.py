"""A stand-in checkout, and the environment of the schedulers' own tools that check.sh makes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.scripts.schedule.stand_in import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with the recipes and a stand-in for scripts/retrain.py."""
    return Checkout.make(tmp_path / "a checkout", sys.executable)


@pytest.fixture(scope="session")
def tools() -> Path:
    """bin/ of the environment that scripts/schedule/check.sh makes; the test is skipped where it is absent."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lengthwise" / "schedule-tools"
    environment = Path(os.environ.get("LENGTHWISE_SCHEDULE_TOOLS", default))
    if not (environment / "lengthwise.stamp").exists():
        pytest.skip(f"no {environment}: scripts/schedule/check.sh makes it")
    return environment / "bin"
