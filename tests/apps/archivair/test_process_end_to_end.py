"""`process` against the real model server: killed, started again, complete."""

import json
import os
import subprocess
import sys
import time

import pytest
from PIL import Image

from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.batch.contents import decode_batch
from apps.archivair.measure_process import Figures, check_results
from apps.archivair.rendering import Wear, render_letter, spoil
from shared.settings import REPOSITORY

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]
PAGES = 3


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    path = tmp_path_factory.mktemp("archivair") / "stapel.pdf"
    pages = [spoil(render_letter("arimo", 50_110 + n), Wear(dpi=150), n) for n in range(PAGES)]
    first, *rest = (Image.fromarray(page.image) for page in pages)
    first.save(path, save_all=True, append_images=rest, resolution=150)
    return path


def started(server, batch, out):
    command = [sys.executable, "-m", "apps.archivair", "process", str(batch), "--out", str(out)]
    environment = os.environ | {
        "URBANKI_MODEL_SERVER_URL": server.settings.model_server_address,
        "URBANKI_DATA_DIR": str(server.settings.data_dir),
    }
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_killed_and_started_again_it_reads_no_page_twice(running_model_server, batch, tmp_path):
    out = tmp_path / "out"
    killed = started(running_model_server, batch, out)
    until = time.monotonic() + 240
    while not list(out.glob(".archivair/gelesen_*/*.page")) and time.monotonic() < until:
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob(".archivair/*/*.page")}
    assert kept
    assert [path.name for path in out.iterdir()] == [".archivair"]
    again = started(running_model_server, batch, out)
    printed, said = again.communicate(timeout=240)
    assert again.returncode == 0, said
    assert f"{len(kept)} Seiten sind schon gelesen" in said
    summary = json.loads(printed.splitlines()[-1])
    assert (summary["pages"], summary["failed"]) == (PAGES, [])
    assert len(decode_batch((out / "batch.json").read_bytes()).pages) == PAGES
    assert not (out / ".archivair").exists()
    figures = Figures()
    check_results(out, figures)
    assert (figures.faults, figures.texts_in_order, figures.attachments_wrong) == ([], PAGES, 0)
    assert check_pdfa((out / "transfervermerk.pdf").read_bytes()) == []
