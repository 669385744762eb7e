"""A model whose logits are compared, and how near they must be.

It is a Llama of random bfloat16 weights. Such weights give nearly flat logits, where the
likeliest token hangs on the last bit, so logits are compared, not tokens.

The tolerance: bfloat16 keeps 8 bits, so a sum that is split in two and added by an all-reduce
differs from the whole one by up to 2**-8 of its size. Each layer has two such sums, and their
errors are independent: sqrt(2 * LAYERS) * 2**-8 = 1.6 % of the spread of the logits for 8
layers. Twice that is allowed for the root mean square over all logits, and 4.5 times the root
mean square for the largest of 4096 (normally distributed errors reach 3.7). A model with another
seed, or half of this one, would differ by more than 100 %.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from pathlib import Path

LAYERS, HIDDEN = 8, 4096
LOGITS = 4096
PROMPT = "The quick brown fox jumps over the lazy dog. " * 4
RMS_TOLERANCE = 2 * math.sqrt(2 * LAYERS) * 2**-8
LARGEST_TOLERANCE = 4.5 * RMS_TOLERANCE


def write_model(folder: Path) -> None:
    """Write it: gigabytes, which the caller removes."""
    script = Path(__file__).with_name("random_llama.py")
    subprocess.run([sys.executable, script, folder, str(LAYERS), str(HIDDEN)], check=True)


def difference(ours: dict[int, float], theirs: dict[int, float]) -> tuple[float, float]:
    """Root mean square and largest difference, as a share of the spread of ``theirs``."""
    spread = statistics.pstdev(theirs.values())
    apart = [abs(ours[token] - value) for token, value in theirs.items()]
    return math.sqrt(statistics.fmean(gap**2 for gap in apart)) / spread, max(apart) / spread


def assert_near(what: str, ours: dict[int, float], theirs: dict[int, float]) -> None:
    """Show how far logits are apart, and fail where that is too far."""
    rms, largest = difference(ours, theirs)
    sys.stdout.write(f"{what}: rms {rms:.3%}, largest {largest:.3%} of the spread\n")
    assert rms <= RMS_TOLERANCE
    assert largest <= LARGEST_TOLERANCE
