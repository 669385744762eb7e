"""What every view says in the same words."""

from __future__ import annotations

from rich.text import Text

from clusterkit.events import JobRestarted, NodeLost, Note


def note_text(note: Note) -> Text:
    """A note, led by its node where it has one."""
    return Text.assemble(("Note: ", "bold"), f"{note.node}: " if note.node else "", note.text)


def lost_text(lost: NodeLost) -> str:
    """Why a node is gone; its name leads where the view has no column for it."""
    return f"lost: {lost.why}"


def restarted_text(event: JobRestarted) -> str:
    """Which attempt begins, and why there is another."""
    why = event.why.partition("\n")[0]
    return f"{event.job}: attempt {event.attempt} of {event.of} begins, after: {why}"
