"""What is run in a lab's containers; every value arrives as an argument."""

from __future__ import annotations

# Each line says "rank NUMBER STATE PID" of a program that runs as a rank: its parent is the
# payload `rank`, which the launcher started.
_RANKS = r"""
ranks() {
    for each in $(grep -lsF CLUSTERKIT_JOB= /proc/[0-9]*/environ); do
        each=${each%/environ}
        parent=$(sed -n 's/^PPid:[^0-9]*//p' "$each/status" 2>/dev/null) || continue
        words=$(tr '\0' ' ' 2>/dev/null <"/proc/$parent/cmdline")
        test "${words%' rank '}" != "$words" || continue
        number=$(tr '\0' '\n' <"$each/environ" 2>/dev/null | sed -n 's/^RANK=//p')
        state=$(sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "$each/status" 2>/dev/null)
        case "$number:$state" in ?*:[!Z]*) echo "rank $number $state ${each#/proc/}" ;; esac
    done
}
"""

LOOK = (
    _RANKS
    + r"""
# $1 environment.conf, $2 address, $3 and $4 the files that fill the disk and the storage
iptables -S 2>/dev/null | sed -n \
    -e 's/^-A OUTPUT -d \([0-9.]*\)\/32 -j DROP$/out \1/p' \
    -e 's/^-A INPUT -s \([0-9.]*\)\/32 -j DROP$/in \1/p' \
    -e 's/^-A INPUT -p tcp -m tcp --dport 22 -j DROP$/no-ssh/p'
device=$(ip -o -4 addr show to "$2" | sed 's/^[0-9]*: \([^ ]*\) .*/\1/')
tc qdisc show dev "$device" 2>/dev/null | sed -n 's/^qdisc tbf .* rate \([^ ]*\) .*/rate \1/p'
sed -n 's/.* "CLUSTERKIT_CLOCK_OFFSET=\([^"]*\)".*/clock \1/p' "$1" 2>/dev/null
test -s "$3" && echo 'full disk'
test -s "$4" && echo 'full storage'
ranks
"""
)
"""Say what faults there are, a line each; see ``marks.py``."""

SIGNAL = (
    _RANKS
    + """
# $1 rank, $2 signal, $3 "-" for its whole process group
ranks | while read -r _ number _ pid; do
    test "$number" != "$1" || kill -s "$2" -- "$3$pid"
done
"""
)
"""Signal a rank's program."""

FILL = """
# $1 folder, $2 file
if test "$(stat -f -c %T -- "$1")" != tmpfs; then
    echo "$1 is no disk of its own here: nothing was written. Fix: make the lab anew" >&2
    exit 1
fi
cat /dev/zero 2>/dev/null >"$2"
test -s "$2"
"""
"""Leave no free byte on a disk that is the lab's own."""

SLOW = """
# $1 address, $2 rate; without a rate: as fast as it was
device=$(ip -o -4 addr show to "$1" | sed 's/^[0-9]*: \\([^ ]*\\) .*/\\1/')
test -n "$device" || { echo "no interface has $1" >&2; exit 1; }
test -n "$2" || exec tc qdisc del dev "$device" root
exec tc qdisc replace dev "$device" root tbf rate "$2" burst 256kb latency 50ms
"""
"""Shape what a node sends."""

CLOCK = r"""
# $1 environment.conf, $2 offset in seconds; without one: the real time
set -e
library=/usr/local/lib/clusterkit-clock.so
words=$(sed -e 's/ "LD_PRELOAD=[^"]*" "CLUSTERKIT_CLOCK_OFFSET=[^"]*"$//' "$1" 2>/dev/null || true)
if test -n "$2"; then
    if ! test -e "$library"; then
        echo "this image has no $library. Fix: make the lab of clusterkit/node-lab" >&2
        exit 1
    fi
    words="${words:-SetEnv} \"LD_PRELOAD=$library\" \"CLUSTERKIT_CLOCK_OFFSET=$2\""
fi
test "$words" != SetEnv || words=
(umask 077; printf '%s\n' "$words" >"$1")
for each in /proc/[0-9]*; do
    case "$(readlink "$each/exe") $(sed -n 's/^PPid:[^0-9]*//p' "$each/status" 2>/dev/null)" in
        */sshd\ 1) kill -HUP "${each#/proc/}" ;;
    esac
done
"""
"""Let all that sshd starts from now on see another time."""
