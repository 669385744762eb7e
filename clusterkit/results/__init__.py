"""What each verb answers, as frozen types; ``-o json`` prints them, and they stay stable."""

from __future__ import annotations
