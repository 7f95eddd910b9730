"""Nobody writes lines into the log that never happened."""

from __future__ import annotations

import ast
import io
import logging
from collections.abc import Iterator

import pytest

from shared.jobs.worker_process import set_up_log
from shared.log_lines import _OneLine, keep_to_one_line
from shared.settings import REPOSITORY

FORGED = "x\r\n2026-03-01 12:00:00 ERROR admin signed in"


@pytest.fixture(autouse=True)
def usual_records() -> Iterator[None]:
    """Begin and end with the records of the library."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("tests.log_lines")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (FORGED, "x\\r\\n2026-03-01 12:00:00 ERROR admin signed in"),
        ("\x1b[2Jweg", "\\x1b[2Jweg"),
        ("a\u2028b\u202egpj.exe", "a\\u2028b\\u202egpj.exe"),
        ("\x00\x9b", "\\x00\\x9b"),
        ("Größe\t5 m², 日本, \\n", "Größe\t5 m², 日本, \\n"),
    ],
    ids=["lines", "terminal", "unseen", "zero", "plain"],
)
def test_a_message_is_one_line(written: io.StringIO, sent: str, shown: str) -> None:
    keep_to_one_line()
    logging.getLogger("tests.log_lines").error("refused %s: %s", sent, 7)
    assert written.getvalue() == f"refused {shown}: 7\n"


def test_a_traceback_keeps_its_lines(written: io.StringIO) -> None:
    keep_to_one_line()
    try:
        raise ValueError("x")
    except ValueError:
        logging.getLogger("tests.log_lines").exception("broken")
    assert written.getvalue().startswith("broken\nTraceback")


def test_jobs_keep_to_it() -> None:
    set_up_log("INFO")
    assert logging.getLogRecordFactory() is _OneLine


def test_the_gallery_keeps_to_it() -> None:
    """Its start file cannot be imported twice in a process, so its text is read."""
    tree = ast.parse((REPOSITORY / "apps" / "main.py").read_text("utf-8"))
    calls = [one.value for one in tree.body if isinstance(one, ast.Expr)]
    named = [ast.unparse(one) for one in calls if isinstance(one, ast.Call)]
    assert "keep_to_one_line()" in named
