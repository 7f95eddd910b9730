"""Files of strangers are read in processes of their own: bounded, alone, and gone afterwards."""

import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import psutil
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from apps.archivair.errors import PdfDamaged, TooManyPages
from apps.archivair.file_check import check_file
from apps.archivair.pages import Limits
from apps.aviary.inputs.run_image import inspect_image
from apps.aviary.recipes import find_recipe
from shared import limited_reader, limited_reading
from shared.errors import (
    FileTooCostly,
    FileTypeRefused,
    FileUnreadable,
    ImageTooLarge,
    ItemError,
    ReadingNotPossible,
)
from shared.geo.raster import OpenOptions
from shared.limited_reading import read_limited
from shared.settings import REPOSITORY
from tests.shared import limited_readers as readers
from tests.shared.reader_processes import is_reader, reader_process

pytestmark = pytest.mark.timeout(120)


def limit(monkeypatch, **changed):
    monkeypatch.setattr(limited_reading, "LIMITS", replace(limited_reading.LIMITS, **changed))


def server():
    """The process that makes one for each file, as the system sees it."""
    assert read_limited(readers.count, b"abc") == 3
    return reader_process()


def is_gone(process):
    """Say whether a process has ended; its new parent may take its time to notice."""
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


@contextmanager
def in_thread(function, *arguments):
    """Read beside the test; gives what came out of it: a result or an error."""
    outcome = []

    def run():
        try:
            outcome.append(read_limited(function, *arguments))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


def png(width, height, mode="L"):
    target = io.BytesIO()
    Image.new(mode, (width, height), 200 if mode == "L" else (90, 150, 60)).save(target, "PNG")
    return target.getvalue()


def pdf(pages):
    target = io.BytesIO()
    one = Image.new("L", (400, 560), 255)
    one.save(target, "PDF", save_all=True, append_images=[one] * (pages - 1), resolution=100)
    return target.getvalue()


def geotiff():
    shape = {"width": 400, "height": 300, "count": 3, "dtype": "uint8", "driver": "GTiff"}
    place = {"crs": "EPSG:25832", "transform": from_origin(400_000.5, 5_700_000.25, 0.1, 0.1)}
    with MemoryFile() as memory:
        with memory.open(**shape, **place) as target:
            target.write(np.random.default_rng(1).integers(0, 255, (3, 300, 400), np.uint8))
        return memory.read()


def test_a_scan_is_seen_as_it_is_seen_here():
    for content, name in ((pdf(3), "akte.pdf"), (png(1654, 2339), "seite.png")):
        assert read_limited(check_file, content, name, Limits()) == check_file(
            content, name, Limits()
        )


def test_an_aerial_image_is_seen_as_it_is_seen_here():
    recipe, options = find_recipe("solar"), OpenOptions(bands=(3, 2, 1))
    here = inspect_image(geotiff(), recipe, options, name="bild.tif", force=True)
    there = read_limited(inspect_image, geotiff(), recipe, options, name="bild.tif", force=True)
    assert here == there
    assert there[0].crs == "EPSG:25832"


def test_arguments_arrive_in_any_form_and_defaults_count():
    assert read_limited(readers.echo, b"ab", 2) == ("abab",)
    assert read_limited(readers.echo, b"ab", factor=1, marks=("ü", "\0")) == ("ab", "ü", "\0")
    with pytest.raises(TypeError):
        read_limited(readers.echo, b"ab")


def test_a_refusal_says_the_same_here():
    with pytest.raises(TooManyPages) as many:
        read_limited(check_file, pdf(3), "akte.pdf", Limits(pages=2))
    assert "3 Seiten, erlaubt sind 2" in str(many.value)
    with pytest.raises(PdfDamaged):
        read_limited(check_file, b"%PDF-1.7\n", "akte.pdf", Limits())
    with pytest.raises(ImageTooLarge, match="12,5 Megapixel, erlaubt sind 3"):
        read_limited(readers.refuse, b"")
    with pytest.raises(FileTypeRefused) as refused:
        read_limited(readers.refuse_by_name, b"", "PDF {x}")
    assert refused.value.remedy == "Möglich sind: PDF {x}."


def test_more_memory_than_allowed_is_refused(monkeypatch):
    limit(monkeypatch, memory_mb=64)
    with pytest.raises(FileTooCostly, match="zu viel Zeit oder Arbeitsspeicher"):
        read_limited(readers.eat_memory, b"")
    with pytest.raises(FileTooCostly):
        read_limited(check_file, png(13_000, 13_000), "seite.png", Limits())
    with pytest.raises(FileTooCostly):  # and not "damaged"
        read_limited(inspect_image, png(5000, 5000, "RGB"), find_recipe("solar"), OpenOptions())
    assert read_limited(readers.count, bytes(80 * 2**20)) == 80 * 2**20  # the file itself is free


def test_more_time_than_allowed_is_refused(monkeypatch):
    limit(monkeypatch, cpu_s=1)
    with pytest.raises(FileTooCostly):
        read_limited(readers.run_for_ever, b"")
    with pytest.raises(ItemError):
        read_limited(readers.run_for_ever_whatever_it_is_told, b"")
    limit(monkeypatch, wall_s=0.5)
    with pytest.raises(FileTooCostly):
        read_limited(readers.sleep, b"", 60.0)
    limit(monkeypatch, wall_s=60.0)
    assert read_limited(readers.sleep, b"abc", 0.6) == 3


@pytest.mark.parametrize("name", ["leave", "leave_quietly", "break_memory", "abort"])
def test_a_crash_takes_its_own_file_alone(name):
    before = server()
    with pytest.raises(FileUnreadable, match="Das Lesen ist abgebrochen") as refused:
        read_limited(getattr(readers, name), b"")
    assert "beschädigt" in refused.value.remedy
    assert server() == before
    assert not before.children()


def test_a_fault_of_ours_is_logged_without_the_content(caplog, capfd):
    with pytest.raises(FileUnreadable):
        read_limited(readers.tell_the_content, b"")
    assert "tell_the_content failed: 'ValueError" in caplog.text
    assert "limited_readers.py" in caplog.text
    told = capfd.readouterr()
    assert readers.SECRET not in caplog.text + told.out + told.err


def test_the_killed_process_loses_its_own_file_alone():
    before = server()
    with in_thread(readers.sleep, b"", 60.0) as outcome:
        (copy,) = wait_for(before.children)
        copy.kill()
    assert isinstance(outcome[0], FileUnreadable)
    assert server() == before


def test_the_killed_server_is_replaced():
    before = server()
    before.kill()
    before.wait()
    after = server()
    assert after != before
    with in_thread(readers.sleep, b"abc", 1.0) as outcome:
        (copy,) = wait_for(after.children)
        after.kill()
    assert outcome == [3]  # asked again, by itself
    assert wait_for(lambda: is_gone(copy))
    assert server() not in (before, after)


def test_a_server_that_hangs_is_replaced(monkeypatch):
    before = server()
    before.suspend()
    monkeypatch.setattr(limited_reading, "START_S", 0.2)
    monkeypatch.setattr(limited_reading, "STOP_S", 0.1)
    limit(monkeypatch, wall_s=0.2)
    with suppress(ReadingNotPossible):  # the new one may not be up in so short a time
        read_limited(readers.count, b"")
    assert not before.is_running()
    monkeypatch.undo()
    assert server() != before


def test_a_server_that_cannot_be_started_is_said(monkeypatch):
    server()
    limited_reading._desk.close()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ReadingNotPossible, match="kann gerade nicht geprüft werden"):
        read_limited(readers.count, b"")
    monkeypatch.undo()
    assert server()


def test_nobody_waits_for_the_slow_file_of_another(monkeypatch):
    before = server()
    monkeypatch.setattr(limited_reading, "WAIT_S", 0.2)
    with in_thread(readers.sleep, b"", 60.0) as slow:
        wait_for(before.children)
        assert read_limited(readers.count, b"abc") == 3
        assert not slow
        with in_thread(readers.sleep, b"", 60.0):
            wait_for(lambda: len(before.children()) == limited_reading.MOST_AT_ONCE)
            with pytest.raises(ReadingNotPossible, match="kann gerade nicht geprüft werden"):
                read_limited(readers.count, b"")
            for copy in before.children():
                copy.kill()
    assert isinstance(slow[0], FileUnreadable)
    assert read_limited(readers.count, b"abc") == 3


def test_a_reader_knows_nothing_and_can_write_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("URBANKI_SECRET_KEY", "x" * 40)
    limited_reading._desk.close()
    place = read_limited(readers.look_around, b"")
    assert set(place.environment) <= {*limited_reading._ENVIRONMENT, "LC_CTYPE"}
    assert "x" * 40 not in str(place)
    assert place.descriptors == (0, 1, 2, 3, 4)  # 4 is the look itself
    assert place.limits["RLIMIT_FSIZE"] == place.limits["RLIMIT_CORE"] == (0, 0)
    assert place.limits["RLIMIT_NOFILE"] == (64, 64)
    assert place.limits["RLIMIT_CPU"] == (60, 61)
    target = tmp_path / "a"
    with pytest.raises(FileUnreadable):
        read_limited(readers.write, b"content", str(target))
    assert not target.exists() or not target.read_bytes()


def answer(kind, body, size=None):
    return struct.pack("!cQ", kind, len(body) if size is None else size) + body


def refusal(module, name, **details):
    return answer(b"E", json.dumps({"module": module, "name": name, "details": details}).encode())


LIES = {
    "nothing": b"",
    "half-a-head": b"R\0\0",
    "no-json": answer(b"R", b"seven"),
    "pickle": answer(b"R", b"\x80\x04K\x07."),
    "another-type": answer(b"R", b'{"a": 1}'),
    "short": answer(b"R", b"7", 2),
    "long": answer(b"R", b"77", 1),
    "huge": answer(b"R", b"7", 2**63),
    "another-kind": answer(b"X", b"7"),
    "refusal-of-nothing": answer(b"E", b"[]"),
    "refusal-of-a-program": refusal("os", "system", command="true"),
    "refusal-of-the-house": refusal("shared.errors.requests", "NotAllowed", what="x"),
    "refusal-without-details": refusal("shared.errors.inputs", "ImageTooLarge"),
    "refusal-with-half-of-them": refusal("shared.errors.inputs", "FileTypeRefused"),
    "refusal-with-lists": refusal("shared.errors.inputs", "ImageTooLarge", limit=[], megapixels={}),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_reader_answers_is_not_believed(lie):
    with pytest.raises(FileUnreadable):
        read_limited(readers.say, LIES[lie])


def test_an_answer_without_end_is_cut_off():
    with pytest.raises(FileUnreadable):
        read_limited(readers.talk_for_ever, b"")
    assert server()
    wait_for(lambda: not server().children())


@pytest.mark.parametrize("name", ["be_unlike_its_type", "refuse_like_the_house"])
def test_what_no_reader_should_do_is_no_result(name):
    with pytest.raises(FileUnreadable):
        read_limited(getattr(readers, name), b"")


ABANDONED = """
import sys, threading, psutil
from shared.limited_reading import read_limited
from tests.shared import limited_readers as readers
print(len(psutil.Process().children()), flush=True)
threading.Thread(target=read_limited, args=(readers.sleep, b"", 60.0)).start()
server = None
while not (server and server.children()):
    server = next(iter(psutil.Process().children()), None)
print(server.pid, server.children()[0].pid, flush=True)
sys.stdin.read()
"""


def test_it_starts_late_and_ends_with_the_gallery():
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as gallery:
        assert gallery.stdout.readline() == "0\n"
        family = [psutil.Process(int(pid)) for pid in gallery.stdout.readline().split()]
        assert len(family) == 2
        gallery.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(is_reader(one) for one in family))


def test_a_server_without_work_ends(monkeypatch):
    monkeypatch.setattr(limited_reader, "IDLE_S", 0.05)
    here, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, theirs:
        limited_reader.serve(theirs)
        monkeypatch.setattr(limited_reader, "IDLE_S", 600.0)
        here.close()
        limited_reader.serve(theirs)


def test_nothing_stays_behind():
    server()
    descriptors = psutil.Process().num_fds()
    for reader in (readers.count, readers.refuse, readers.leave, readers.break_memory):
        with suppress(ItemError):
            read_limited(reader, b"x")
    assert not server().children()
    assert psutil.Process().num_fds() == descriptors
    old = server()
    limited_reading._desk.close()
    assert not old.is_running()
    assert psutil.Process().num_fds() == descriptors - 1
