"""Bytes, seconds and speeds as people read them."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """``count`` bytes in the largest binary unit that keeps a number of at least 1."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.{0 if unit == 0 or value >= 100 else 1}f} {_UNITS[unit]}"


def limit(count: int | None) -> str:
    """A limit of ``count`` bytes; None: there is none."""
    return "unlimited" if count is None else size(count)


def duration(seconds: float) -> str:
    """Two digits below ten seconds, minutes from two minutes on."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def speed(mbps: int | None) -> str:
    """``100 Gb/s``; empty where it is not known."""
    if mbps is None:
        return ""
    return f"{mbps / 1000:g} Gb/s" if mbps >= 1000 else f"{mbps} Mb/s"


def gib(count: int) -> str:
    """Bytes in GiB, however many: to be compared with others."""
    return f"{count / 2**30:.1f} GiB"
