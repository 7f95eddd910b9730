"""The page with a large upload, in a process of its own.

`python -m tests.apps.aviary.endurance_page IMAGE`

Prints JSON: what the page says, and the most memory that the process held.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from streamlit.testing.v1 import AppTest

from shared.settings import REPOSITORY
from tests.shared.people_of_tests import ADMIN, sit_down

PAGE = REPOSITORY / "apps" / "aviary" / "page.py"
TIMEOUT_S = 300


def main(arguments: Sequence[str]) -> int:
    """Upload an image, look at its checks, order its run and look at the result.

    Args:
        arguments: Path of the image.
    """
    image = Path(arguments[0])
    sit_down(ADMIN)
    page = AppTest.from_file(str(PAGE), default_timeout=TIMEOUT_S)
    page.query_params["rezept"] = "solar"
    page.run()
    page.radio[0].set_value("file").run()
    began = time.monotonic()
    page.file_uploader[0].set_value((image.name, image.read_bytes(), "image/tiff")).run()
    checked = time.monotonic()
    page.button(key="aviary_start").click().run()
    ordered = time.monotonic()
    page.slider(key="aviary_threshold").set_value(50).run()
    content = {
        "errors": [str(one.value) for one in (*page.exception, *page.error)],
        "finds": page.metric[0].value if page.metric else None,
        "check_s": round(checked - began, 2),
        "order_and_show_s": round(ordered - checked, 2),
        "slider_s": round(time.monotonic() - ordered, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(content) + "\n")
    return 0 if not content["errors"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
