"""``python -m clusterkit`` is the command line."""

from __future__ import annotations

from clusterkit.cli.main import main

main()
