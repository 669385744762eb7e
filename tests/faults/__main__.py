"""`python -m tests.faults`: the same as `python -m tests.faults.faults`."""

from __future__ import annotations

import sys

from tests.faults.faults import main

sys.exit(main())
