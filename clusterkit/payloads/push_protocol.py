"""What the two ends of a push of engine files agree on."""

from __future__ import annotations

CHUNK_BYTES = 1 << 20
"""What a node takes before it passes it on; files that are not whole have whole chunks."""

BEAT_S = 0.5
"""How often a node says how far it is."""

SILENCE_S = 30.0
"""A node that says nothing for so long is given up."""

STANDSTILL_S = 60.0
"""How long one write, read or send may take."""

CONNECT_S = 10.0
"""How long it may take to connect to the next node, and to say who calls."""

WORK = ".part"
"""Ends the name of the folder, beside the engine's own, of what has come of it so far."""
