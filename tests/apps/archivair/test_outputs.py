"""Text, ALTO and JSON of a page agree; files are written whole or not at all."""

import json
import unicodedata
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from apps.archivair.alto import NAMESPACE
from apps.archivair.outputs import (
    check_free,
    check_writable,
    page_files,
    write_page,
)
from apps.archivair.pages import PageIdentity
from apps.archivair.quality import BLANK
from shared.contracts.provenance import ModelUse
from shared.errors import ResultsExist, StorageFull
from tests.apps.archivair.doubles import reading

BLOCKS = [["Stadt Musterstadt", "Bauaufsichtsamt"], ["Der „Bauherr“ & <Söhne> zahlt", "184,50 DM."]]
IDENTITY = PageIdentity("akte_p0002", "akte.pdf", "a" * 64, 2, 5)
MODEL = ModelUse("ppocrv6_small", "1.0.0", "b" * 64, "onnx", "cpu")
SPACE = {"a": NAMESPACE}


def files(blocks=BLOCKS, **more):
    return page_files(reading(blocks, models=(MODEL,), **more), IDENTITY)


def alto(content):
    return ElementTree.fromstring(content[".alto.xml"])  # noqa: S314  # written just now


def alto_text(root):
    blocks = []
    for block in root.iterfind(".//a:TextBlock", SPACE):
        lines = block.iterfind("a:TextLine", SPACE)
        blocks.append(
            "\n".join(
                " ".join(word.get("CONTENT") for word in line.iterfind("a:String", SPACE))
                for line in lines
            )
        )
    return "\n\n".join(blocks) + "\n" if blocks else ""


def test_the_text_file_is_plain():
    text = files()[".txt"].decode("utf-8")
    assert text == (
        "Stadt Musterstadt\nBauaufsichtsamt\n\nDer „Bauherr“ & <Söhne> zahlt\n184,50 DM.\n"
    )
    assert text == unicodedata.normalize("NFC", text)
    assert "\r" not in text


def test_alto_and_json_say_the_same_line_by_line():
    content = files()
    assert alto_text(alto(content)) == content[".txt"].decode("utf-8")
    page = json.loads(content[".json"])
    lines = [[line["text"] for line in block["lines"]] for block in page["blocks"]]
    assert lines == BLOCKS


def test_alto_has_places_confidences_and_models():
    root = alto(files())
    page = root.find(".//a:Page", SPACE)
    assert (page.get("WIDTH"), page.get("HEIGHT")) == ("1000", "1400")
    names = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(names) == len(set(names))
    for word in root.iterfind(".//a:String", SPACE):
        left, top, width, height = (
            int(word.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
        )
        assert 0 <= left < left + width <= 1000
        assert 0 <= top < top + height <= 1400
        assert 0 <= float(word.get("WC")) <= 1
    used = root.findtext(".//a:processingStepSettings", namespaces=SPACE)
    assert "ppocrv6_small 1.0.0 sha256:bbbb" in used
    assert root.findtext(".//a:MeasurementUnit", namespaces=SPACE) == "pixel"


def test_characters_that_xml_forbids_do_not_break_alto():
    identity = replace(IDENTITY, file_name="a&b\x01.pdf")
    content = page_files(reading([["Der\x0c Bauherr"]]), identity)
    assert (
        alto(content).findtext(".//a:fileName", namespaces=SPACE)
        == "a&b\N{REPLACEMENT CHARACTER}.pdf"
    )


def test_the_json_names_input_script_and_findings():
    page = json.loads(files(findings=(BLANK,), rotation_deg=180)[".json"])
    assert page["schema"] == "archivair-page/1"
    assert page["input"] == {"file": "akte.pdf", "sha256": "a" * 64, "page": 2, "pages": 5}
    assert (page["rotation_deg"], page["script"]) == (180, "antiqua")
    assert page["findings"] == [{"level": "ok", "code": "leer", "message": "Die Seite ist leer."}]
    word = page["blocks"][0]["lines"][0]["words"][0]
    assert word == {
        "text": "Stadt", "bbox_px": [60, 50, 120, 74], "confidence": 0.97, "doubtful": False,
    }  # fmt: skip


def test_an_empty_page_gives_an_empty_text():
    content = files([])
    assert content[".txt"] == b""
    assert alto_text(alto(content)) == ""
    assert json.loads(content[".json"])["mean_confidence"] is None


def test_three_files_are_written_and_nothing_else(tmp_path):
    write_page(tmp_path / "neu" / "out", "akte", files())
    names = sorted(path.name for path in (tmp_path / "neu" / "out").iterdir())
    assert names == ["akte.alto.xml", "akte.json", "akte.txt"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    write_page(tmp_path, "akte", files())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    written = Path.write_bytes

    def full(self, content):
        if ".json" in self.name:
            raise OSError(28, "No space left on device")
        return written(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull):
        write_page(tmp_path, "akte", files([["Anderer Text"]]))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_only_results_of_the_same_page_are_replaced(tmp_path):
    check_free(tmp_path, IDENTITY, force=False)
    write_page(tmp_path, IDENTITY.stem, files())
    check_free(tmp_path, IDENTITY, force=False)
    for other in (replace(IDENTITY, sha256="f" * 64), replace(IDENTITY, index=3)):
        with pytest.raises(ResultsExist) as raised:
            check_free(tmp_path, other, force=False)
        assert "--force" in f"{raised.value} {raised.value.remedy}"
        check_free(tmp_path, other, force=True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"input": 3}', b"\xff"])
def test_files_of_others_are_not_replaced(tmp_path, content):
    (tmp_path / f"{IDENTITY.stem}.json").write_bytes(content)
    with pytest.raises(ResultsExist):
        check_free(tmp_path, IDENTITY, force=False)
    (tmp_path / f"{IDENTITY.stem}.json").unlink()
    (tmp_path / f"{IDENTITY.stem}.txt").write_bytes(content)
    with pytest.raises(ResultsExist):
        check_free(tmp_path, IDENTITY, force=False)


def test_a_place_that_cannot_be_written_is_seen_at_once(tmp_path, monkeypatch):
    check_writable(tmp_path / "neu" / "tief")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "datei").write_text("x", encoding="utf-8")
    for folder in (tmp_path / "datei", tmp_path / "datei" / "out"):
        with pytest.raises(StorageFull):
            check_writable(folder)
    monkeypatch.setattr("apps.archivair.outputs.os.access", lambda *_: False)
    with pytest.raises(StorageFull):
        check_writable(tmp_path / "out")
