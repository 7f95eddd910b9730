"""What is stored of a page: it comes back whole, or is refused; figures add up."""

import io
import json
import zipfile
from dataclasses import replace

import pytest

from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import KeptPage, decode_page, encode_page
from apps.archivair.outputs import page_files
from apps.archivair.page_figures import PageFigures, add_up, figures_from, figures_of
from apps.archivair.pages import PageIdentity, reduced_note
from apps.archivair.quality import BLANK
from apps.archivair.results_zip import write_results
from shared.contracts.provenance import ModelUse
from tests.apps.archivair.doubles import reading

PICTURE = b"\xff\xd8\xff\xe0 a picture"
MODEL = ModelUse("ppocrv6_small", "1.0.0", "b" * 64, "onnx", "cpu")
BLOCKS = [["Stadt Musterstadt", "Bauaufsichtsamt"], ["Der „Bauherr“ & <Söhne> zahlt", "184,50 DM."]]


def kept(index=2, blocks=BLOCKS, **more):
    identity = PageIdentity(f"akte_p000{index}", "akte.pdf", "a" * 64, index, 5)
    values = {"models": (MODEL,), "findings": (reduced_note(51.2),), "rotation_deg": 90} | more
    return KeptPage(identity, reading(blocks, **values), PICTURE)


def test_a_page_comes_back_as_it_was():
    page = kept()
    content = encode_page(page)
    assert decode_page(content) == page
    assert encode_page(decode_page(content)) == content
    assert page_files(decode_page(content).reading, page.identity) == page_files(
        page.reading, page.identity
    )


def test_a_page_of_an_earlier_version_has_no_look():
    content = encode_page(kept())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stored = json.loads(archive.read("reading.json"))
    del stored["look"]
    assert decode_page(changed(content, **{"reading.json": json.dumps(stored)})) == kept()


def changed(content, **entries):
    """Write a stored page anew with other entries; None leaves one out."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {info.filename: old.read(info) for info in old.infolist()}
    parts |= entries
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as new:
        for name, part in parts.items():
            if part is not None:
                new.writestr(name, part)
    return target.getvalue()


def spoilt():
    whole = encode_page(kept())
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        stored = json.loads(archive.read("reading.json"))
    other = json.dumps(stored | {"schema": "archivair-reading/9"}).encode()
    return {
        "empty": b"",
        "no zip": b"%PDF-1.7",
        "cut": whole[:-40],
        "no reading": changed(whole, **{"reading.json": None}),
        "no picture": changed(whole, **{"picture.jpg": None}),
        "other schema": changed(whole, **{"reading.json": other}),
        "no json": changed(whole, **{"reading.json": b"{"}),
        "other picture": changed(whole, **{"picture.jpg": b"GIF89a"}),
        "endless": changed(whole, **{"picture.jpg": PICTURE + bytes(17 * 2**20)}),
    }


@pytest.mark.parametrize("content", spoilt().values(), ids=spoilt().keys())
def test_a_strange_file_is_refused_in_words(content):
    with pytest.raises(ReadingUnusable, match="passt nicht zu dieser Fassung"):
        decode_page(content)


def test_a_flipped_byte_is_never_read_as_another_text():
    whole = bytearray(encode_page(kept()))
    whole[len(whole) // 3] ^= 0xFF
    with pytest.raises(ReadingUnusable):
        decode_page(bytes(whole))


def figures(page=None, seconds=1.25):
    page = page or kept()
    return figures_of(page.reading, page.identity, seconds)


def test_figures_survive_their_row():
    found = figures()
    row = json.loads(json.dumps(found.as_row()))
    assert figures_from(row) == found
    assert (found.page, found.lines, found.words, found.doubtful_words) == (2, 4, 10, 0)
    assert found.findings == ("verkleinert_gelesen",)
    for strange in (None, {}, row | {"lines": "viele"}, {"page": 1}):
        with pytest.raises(ReadingUnusable):
            figures_from(strange)


def test_the_entry_of_a_summary_has_exactly_its_keys():
    found = figures(kept(findings=()))
    assert found.as_entry() == {
        "stem": "akte_p0002", "script": "antiqua", "lines": 4, "chars": 71,
        "mean_confidence": 0.97, "needs_review": False, "engines": ["ppocr"],
    }  # fmt: skip


def test_sums_weigh_confidence_by_text():
    blank = figures(kept(3, [], findings=(BLANK,)), 0.5)
    assert (blank.confidence, blank.needs_review) == (None, False)
    short = PageFigures(**(figures().as_row() | {"characters": 10, "confidence": 0.5}))
    long = replace(short, page=4, characters=30, confidence=0.9, doubtful_words=3)
    sums = add_up([short, blank, long])
    assert (sums.pages, sums.lines, sums.words, sums.doubtful_words) == (3, 8, 20, 3)
    assert sums.confidence == pytest.approx((10 * 0.5 + 30 * 0.9) / 40)
    assert (sums.pages_to_review, sums.seconds) == (2, 3.0)
    assert add_up([]).confidence is None


def test_the_archive_is_the_same_for_the_same_pages():
    packed = []
    for _ in range(2):
        target = io.BytesIO()
        assert write_results(target, iter([kept(1), kept(3)])) == 2
        packed.append(target.getvalue())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(io.BytesIO(packed[0])) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == [
            f"akte_p000{number}{ending}"
            for number in (1, 3)
            for ending in (".txt", ".alto.xml", ".json")
        ]
        expected = page_files(kept(3).reading, kept(3).identity)
        assert archive.read("akte_p0003.txt") == expected[".txt"]
        assert json.loads(archive.read("akte_p0003.json"))["input"]["page"] == 3
