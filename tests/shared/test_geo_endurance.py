"""A large image goes through the whole chain in little memory."""

import json
import subprocess
import sys

import pytest

from shared.geo.endurance import LIMIT_MIB, SIDE_PX

WIDTH, HEIGHT = 3000, 5000
FIXED_MIB = 460
"""Libraries and the pieces that GDAL may keep decoded, whatever the image."""


def test_a_smaller_image_keeps_its_share_of_the_limit():
    """`python -m shared.geo.endurance` does the same with 20,000 x 20,000 pixels.

    What grows, grows with the width; the answers of the model alone would take 600 MB in one piece.
    """
    sides = ["--width", str(WIDTH), "--height", str(HEIGHT)]
    done = subprocess.run(
        [sys.executable, "-m", "shared.geo.endurance", *sides],
        capture_output=True,
        text=True,
        check=False,
    )
    figures = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert figures["peak_mib"] <= FIXED_MIB + (LIMIT_MIB - FIXED_MIB) * WIDTH / SIDE_PX
    assert figures["polygons"] > 50
    assert figures["largest_gap_m2"] < 0.01
    assert figures["outlined_m2"] == pytest.approx(figures["classes_m2"], rel=1e-3)
