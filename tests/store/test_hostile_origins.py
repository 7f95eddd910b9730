"""Foreign files that pretend to carry an origin: refused at once, without filling the memory."""

import json
import struct
import zipfile
from pathlib import Path

import pytest

from shared.errors import FileMissing, ProvenanceMissing
from shared.store import provenance_reading
from shared.store.__main__ import main
from shared.store.provenance import read_back
from shared.store.provenance_files import CELL_MARK, XMP_NAMESPACE, XMP_PROPERTY
from shared.store.provenance_reading import MOST_BYTES, SHARED_STRINGS
from shared.store.provenance_text import SCHEMA

SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ORIGIN = {
    "schema": SCHEMA, "source": "Luftbild", "input_sha256": "0" * 64, "models": [],
    "parameters": {}, "created_at": "2026-11-27T10:00:00+01:00", "duration_s": 1.0,
    "software_version": "1.0",
}  # fmt: skip


def workbook(folder: Path, xml: str) -> Path:
    file = folder / "tabelle.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SHARED_STRINGS, xml)
    return file


def sheet(folder: Path, cells: str) -> Path:
    return workbook(folder, f'<sst xmlns="{SHEET}">{cells}</sst>')


def json_file(folder: Path, **changes: object) -> Path:
    file = folder / "daten.json"
    file.write_text(json.dumps({"provenance": ORIGIN | changes}))
    return file


def test_the_origin_itself_is_fine(tmp_path: Path) -> None:
    assert read_back(json_file(tmp_path))["source"] == "Luftbild"


def test_a_great_number_of_promised_parts_costs_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceMissing):
        read_back(sheet(tmp_path, f"<t>{CELL_MARK} 1/99999999999999 x</t>"))


def test_parts_without_text_are_not_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = "".join(f"<t>{CELL_MARK} {number}/3 </t>" for number in range(1, 4))
    monkeypatch.setattr(provenance_reading.json, "loads", lambda text: pytest.fail(repr(text)))
    with pytest.raises(ProvenanceMissing):
        read_back(sheet(tmp_path, cells))


def packet(folder: Path, text: str, depth: int) -> Path:
    begin, end = f"<{XMP_PROPERTY}>", f"</{XMP_PROPERTY}>"
    file = folder / "bericht.pdf"
    file.write_text(
        f'%PDF-1.7\n<?xpacket begin=""?><x xmlns="{XMP_NAMESPACE}">'
        f'{begin * depth}{text}{end * depth}</x><?xpacket end="r"?>'
    )
    return file


def nested_cells(folder: Path, text: str, depth: int) -> Path:
    return sheet(folder, f"{'<t>' * depth}{text}{'</t>' * depth}")


@pytest.mark.parametrize("write", [packet, nested_cells])
def test_elements_within_elements_do_not_multiply_their_text(
    tmp_path: Path, write: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    texts = provenance_reading._element_texts

    def watched(*arguments: object) -> object:
        for text in texts(*arguments):
            seen.append(text)
            yield text

    monkeypatch.setattr(provenance_reading, "_element_texts", watched)
    with pytest.raises(ProvenanceMissing):
        read_back(write(tmp_path, "x" * 1000, 500))
    assert sum(map(len, seen)) <= 1000


@pytest.mark.parametrize("write", [packet, nested_cells])
def test_a_text_larger_than_any_origin_is_not_kept(tmp_path: Path, write: object) -> None:
    begin, end = provenance_reading._element_texts, MOST_BYTES + 1
    name = "a b"
    with pytest.raises(ValueError, match="characters"):
        list(begin([b'<b xmlns="a">', b"x" * end, b"</b>"], name))
    with pytest.raises(ProvenanceMissing):
        read_back(write(tmp_path, "x" * end, 1))


@pytest.mark.parametrize("encoding", ["klingonisch", "hex"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ProvenanceMissing):
        read_back(workbook(tmp_path, f'<?xml version="1.0" encoding="{encoding}"?><sst/>'))


def test_an_entry_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    file = sheet(tmp_path, "y" * 100_000)
    content = bytearray(file.read_bytes())
    struct.pack_into("<II", content, content.rfind(b"PK\x01\x02") + 20, 5_000_000, 9_000_000)
    file.write_bytes(content)
    with pytest.raises(ProvenanceMissing):
        read_back(file)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_what_nobody_could_write_again_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ProvenanceMissing):
        read_back(json_file(tmp_path, duration_s=seconds))


def test_half_a_surrogate_pair_is_printed_as_json_writes_it(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["provenance", str(json_file(tmp_path, source="a\ud800"))]) == 0
    assert json.loads(capsysbinary.readouterr().out)["source"] == "a\ud800"


def test_names_that_no_file_can_have_name_none(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        read_back(tmp_path / ("x" * 300))


def test_a_name_too_long_for_a_side_file_hides_no_origin(tmp_path: Path) -> None:
    file = json_file(tmp_path).rename(tmp_path / f"{'ü' * 120}.json")
    assert read_back(file)["source"] == "Luftbild"
