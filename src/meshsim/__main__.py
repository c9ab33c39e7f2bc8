"""`python -m meshsim`."""

from __future__ import annotations

import sys

from .cli.main import entry_point

if __name__ == "__main__":
    sys.exit(entry_point())
