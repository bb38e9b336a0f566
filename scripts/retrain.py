"""Scheduled batch retraining: `python scripts/retrain.py --help`. Its code is in scripts/retraining/."""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a file: find the project instead of this directory
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from scripts.retraining.command_line import main

if __name__ == "__main__":
    sys.exit(main())
