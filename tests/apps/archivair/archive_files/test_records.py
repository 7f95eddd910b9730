"""Manifest and transfer note: hashes that notice a change, a sample that can be drawn again."""

import io
import json

import numpy as np
import pdfplumber

from apps.archivair.archive_files.manifest import (
    InputPage,
    changed_files,
    hash_of_pixels,
    manifest_json,
)
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.archive_files.transfer_note import TransferFacts, pages_to_check, transfer_note
from tests.apps.archivair.archive_files.files import MOMENT

PAGES = [InputPage("akte.pdf", "a" * 64, number, f"{number:064x}") for number in range(1, 42)]


def test_the_hash_of_pixels_sees_shape_and_value():
    image = np.zeros((4, 6), np.uint8)
    hashes = {hash_of_pixels(one) for one in (image, image.reshape(6, 4), image + 1)}
    assert len(hashes) == 3
    assert hash_of_pixels(image) == hash_of_pixels(np.asfortranarray(image))


def test_the_manifest_notices_changed_and_missing_files(tmp_path):
    outputs = {"a.pdf": b"eins", "pages/b.txt": b"zwei"}
    content = manifest_json(PAGES, outputs, written=MOMENT, role="sachbearbeitung")
    (tmp_path / "pages").mkdir()
    for name, data in outputs.items():
        (tmp_path / name).write_bytes(data)
    assert changed_files(content, tmp_path) == []
    assert len(json.loads(content)["pages"]) == 41
    (tmp_path / "a.pdf").write_bytes(b"Eins")
    (tmp_path / "pages" / "b.txt").unlink()
    assert changed_files(content, tmp_path) == ["a.pdf", "pages/b.txt"]


def test_the_sample_is_five_percent_and_can_be_drawn_again():
    assert [len(pages_to_check(count, 7)) for count in (1, 20, 41, 400)] == [1, 1, 3, 20]
    assert pages_to_check(400, 7) == pages_to_check(400, 7) != pages_to_check(400, 8)
    assert set(pages_to_check(400, 7)) <= set(range(1, 401))


def test_the_transfer_note_is_an_archive_file_and_promises_nothing_about_paper():
    told = ("Stapel 7", "nicht angegeben", "Sachbearbeitung", MOMENT, "ab" * 32)
    facts = TransferFacts(*told, sample=(4, 7))
    content = transfer_note(PAGES, facts)
    assert check_pdfa(content) == []
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        text = " ".join((pdf.pages[0].extract_text(use_text_flow=True) or "").split())
    for part in ("Transfervermerk", "Seiten: 41", "28.11.2026", "ab" * 32, "Seite 4, 7"):
        assert part in text
    assert "entscheidet die Behörde" in text
    assert "vernichte" not in text
