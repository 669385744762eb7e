"""Does a token go once around all ranks of a real MPI job, and come back as it should?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "MPI ring"
_FIX = "mend what failed above first; then see `clusterkit logs`"


def find(seen: Seen) -> list[Finding]:
    """Every rank must have passed the token on, changed as its place in the ring asks for."""
    ring = seen.ring
    if ring.skipped is not None:
        return [Finding("skip", seen.names, ring.skipped)]
    if ring.error is not None:
        return [Finding("fail", seen.names, ring.error, _FIX)]
    answered = {answer["rank"]: answer for answer in ring.answers}
    silent = [rank for rank in range(ring.ranks) if rank not in answered]
    wrong = [rank for rank, answer in answered.items() if not answer["is_right"]]
    if silent or wrong:
        parts = [f"rank {', '.join(map(str, silent))} did not answer"] if silent else []
        parts += [f"the token was wrong at rank {', '.join(map(str, wrong))}"] if wrong else []
        return [Finding("fail", seen.names, "; ".join(parts), _FIX)]
    took_s = answered[0]["took_s"]  # of the first rank, to which the token comes back
    text = f"{ring.ranks} ranks, 1 MiB once around in {took_s * 1000:.1f} ms"
    return [Finding("pass", seen.names, text)]
