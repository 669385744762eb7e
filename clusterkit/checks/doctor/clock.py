"""Do the nodes' clocks agree? Certificates, file times, logs and tokens rest on it.

Each is compared with the median of all clocks. A second is what a machine without NTP drifts
in a day or two; after half a minute signatures and leases of other programs begin to fail.
clusterkit itself never compares the clocks of two machines.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterkit.checks.doctor.finding import Finding, State
from clusterkit.checks.doctor.seen import Clock, Seen

LOOKS_AT = "clocks"
WARN_ABOVE_S = 1.0
FAIL_ABOVE_S = 30.0
_FIX = "run NTP there: `sudo timedatectl set-ntp true`, or `chronyd`"


def find(seen: Seen) -> list[Finding]:
    """What the way there and back may explain does not count."""
    if len(seen.clocks) < 2:
        return [Finding("skip", seen.names, "fewer than two clocks")]
    median = _median(seen.clocks)
    apart = {name: clock.ahead_s - median.ahead_s for name, clock in seen.clocks.items()}
    surely = {
        name: max(0.0, abs(apart[name]) - clock.uncertainty_s - median.uncertainty_s)
        for name, clock in seen.clocks.items()
    }
    found = [
        Finding(_state(surely[name]), (name,), _text(ahead_s), _FIX)
        for name, ahead_s in apart.items()
        if _state(surely[name]) != "pass"
    ]
    if well := tuple(name for name in apart if _state(surely[name]) == "pass"):
        most = max(abs(apart[name]) for name in well)
        found.append(Finding("pass", well, f"within {max(most, 0.001):.3f} s of each other"))
    return found


def _median(clocks: Mapping[str, Clock]) -> Clock:
    """The median; of two in the middle, the one that is nearer to the controlling machine's."""
    ordered = sorted(clocks.values(), key=lambda clock: clock.ahead_s)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return min(ordered[half - 1 : half + 1], key=lambda clock: abs(clock.ahead_s))


def _state(apart_s: float) -> State:
    if apart_s > FAIL_ABOVE_S:
        return "fail"
    return "warn" if apart_s > WARN_ABOVE_S else "pass"


def _text(ahead_s: float) -> str:
    return f"{abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} the others"
