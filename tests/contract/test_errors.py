"""The tree of errors: stable codes, German words, one table in the documents."""

import re
import subprocess
import sys

from shared import errors
from shared.errors import UrbanKiError
from shared.settings import REPOSITORY
from tests.e2e.checks import foreign_words

PRINTED = subprocess.run(
    [sys.executable, "-m", "shared.errors"],
    cwd=REPOSITORY,
    capture_output=True,
    check=True,
    text=True,
).stdout


def house_errors() -> list[type[UrbanKiError]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, UrbanKiError)
    ]


def test_document_holds_the_printed_table() -> None:
    document = (REPOSITORY / "docs" / "fehler.md").read_text(encoding="utf-8")
    assert document.endswith(PRINTED), "run python -m shared.errors and put its table into the file"


def test_codes_are_unique_and_ascii() -> None:
    codes = [kind.code for kind in house_errors() if "code" in vars(kind)]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{2,40}", code) for code in codes)


def test_texts_are_german_sentences_with_advice() -> None:
    for kind in house_errors():
        for text in (kind.user_message, kind.what_to_do):
            plain = re.sub(r"\{\w+\}", "x", text)
            assert foreign_words(plain, "de") == [], kind
            assert text.endswith((".", "}", ")")) or ": python -m " in text, kind
        assert kind.http_status in {400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429} | {
            500,
            502,
            503,
            504,
            507,
        }


def test_docstring_of_the_tree_names_its_roots() -> None:
    told = errors.__doc__ or ""
    for kind in house_errors():
        if kind.__bases__ == (UrbanKiError,):
            assert kind.__name__ in told or kind.__name__ == "Cancelled"
