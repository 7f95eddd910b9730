"""The gallery process stays light: no page imports an engine of the model server."""

import json
import os
import subprocess
import sys
from pathlib import Path

from shared.registry.discover import manifests
from shared.settings import REPOSITORY
from tests.ports import free_port

ENGINES = {"torch", "torchvision", "ultralytics", "bentoml", "onnxruntime", "rapidocr"}
VISIT = """
import json, sys
from streamlit.testing.v1 import AppTest
from tests.shared.people_of_tests import ADMIN, sit_down
sit_down(ADMIN)
errors = []
for path in sys.argv[1:]:
    page = AppTest.from_file(path, default_timeout=60)
    page.run()
    errors += [str(error.value) for error in page.exception]
print(json.dumps({"errors": errors, "modules": sorted(sys.modules)}))
"""


def modules_after_visiting(*pages: Path) -> set[str]:
    environment = {**os.environ, "URBANKI_MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VISIT, *map(str, pages)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == []
    return set(told["modules"])


def test_gallery_imports_no_engine() -> None:
    apps = REPOSITORY / "apps"
    pages = [apps / "gallery.py", *(apps / app.id / "page.py" for app in manifests())]
    pages += [apps / f"{name}.py" for name in ("models", "imprint", "accessibility", "privacy")]
    assert modules_after_visiting(*pages) & ENGINES == set()
