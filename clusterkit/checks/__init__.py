"""What would only fail later, found before anything starts: facts in, values out."""

from __future__ import annotations
