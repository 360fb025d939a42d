"""Hostile bundles are refused in one line, in bounded time and memory; no changed byte is accepted.

The slow suite draws a sample. ``just bundles`` tries more of them and prints their figures.
"""

import os
import sys
from pathlib import Path

import pytest
from hostile_bundles import fault_of, flip_bytes, kinds, sample, try_bundles

DOCTOR_EVERY = 1 if "HOSTILE_BUNDLES" in os.environ else 5  # it looks at shipped models as well
BUNDLES = int(os.environ.get("HOSTILE_BUNDLES", "30"))
FLIPS = int(os.environ.get("FLIPPED_BYTES", "180"))


@pytest.mark.slow
def test_hostile_bundles_are_refused_in_one_line_and_in_bounds(tmp_path: Path) -> None:
    chosen = sample(BUNDLES)
    assert len(chosen) == min(BUNDLES, sum(map(len, kinds().values())))
    tried = list(try_bundles(tmp_path, chosen, DOCTOR_EVERY))
    seconds = max(ended.seconds for _, _, ended in tried)
    megabytes = max(ended.megabytes for _, _, ended in tried)
    sys.stderr.write(
        f"{len(chosen)} bundles, {len(tried)} commands: at most {seconds:.1f} s, {megabytes:,} MB\n"
    )
    faults = {(name, command): fault_of(command, ended) for name, command, ended in tried}
    assert {each: fault for each, fault in faults.items() if fault} == {}


@pytest.mark.slow
def test_no_changed_byte_of_any_file_is_accepted(tmp_path: Path) -> None:
    wrong = flip_bytes(tmp_path, FLIPS)
    sys.stderr.write(f"{FLIPS} flipped bytes: {sum(wrong.values())} not refused\n")
    assert not wrong
