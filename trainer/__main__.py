"""`python -m trainer`: trains one model on a finished dataset."""

from __future__ import annotations

import sys

from trainer.command_line import main

if __name__ == "__main__":
    sys.exit(main())
