"""Pictures of single lines: files, vote for Fraktur and the command."""

import json
from argparse import Namespace

import cv2
import numpy as np
import pytest

from apps.archivair.errors import FrakturModelMissing, LineTooSmall, NoLineImages, StemTaken
from apps.archivair.fraktur_reading import prepare_line, read_fraktur, vote_fraktur
from apps.archivair.line_files import cut_long, list_lines, open_line
from apps.archivair.line_reading import read_lines
from apps.archivair.lines import TextBox
from apps.archivair.ocr_lines_command import RECORD, ocr_lines
from apps.archivair.piece_reading import Engines, read_pieces
from apps.archivair.recognise import Candidate, ServerReader
from apps.archivair.script import is_fraktur
from shared.contracts.model_catalog import Catalog
from shared.contracts.provenance import ModelUse
from shared.errors import DamagedImage, FileMissing, FileTypeRefused, ResultsExist
from tests.apps.archivair.doubles import InkReader, candidate, cleaned, draw_lines

FRAKTUR = "Der Baumeiſter hat die Fluchtlinie feſtgeſetzt und das Haus genehmigt in dieſer Straße"


class Told:
    """Reads the same text in each crop."""

    def __init__(self, engine, text):
        self.engine, self.text, self.crops = engine, text, 0
        self.model = ModelUse(engine, "5.0.0", "c" * 64, "tesseract", "cpu")

    def read_lines(self, crops):
        self.crops += len(crops)
        return [candidate(self.engine, self.text, 0.95) for _ in crops]


def line_image(text="Der Bauherr", size=(400, 48)):
    return draw_lines([text], size=size, left=8, top=2, size_px=34)


def write(folder, name, gray):
    folder.mkdir(exist_ok=True)
    done, data = cv2.imencode(f".{name.rpartition('.')[2]}", gray)
    assert done
    (folder / name).write_bytes(bytes(data))


def options(folder, out, **more):
    values = {"script": "fraktur", "engine": "vote", "force": False}
    return Namespace(folder=folder, out=out, **(values | more))


@pytest.fixture
def told(monkeypatch):
    """Let the command vote with doubles of Tesseract."""
    programs = (Told("tesseract_frk", "Der Bauherr"), Told("tesseract_fraktur", "Der Bauherr"))
    monkeypatch.setattr("apps.archivair.ocr_lines_command.find_tesseract", lambda: None)
    monkeypatch.setattr(
        "apps.archivair.ocr_lines_command.Engines",
        lambda reader, tesseract: Engines(reader, tesseract, programs),
    )
    return programs


def summary(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_each_picture_gives_one_line(tmp_path, capsys, told):
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("b.png", "a.webp", "c.jpg", "d.tif"):
        write(folder, name, line_image())
    client = InkReader(text="Der Bauhrrr")
    assert ocr_lines(options(folder, out), lambda stack: client) == 0
    found = summary(capsys)
    assert [line["stem"] for line in found["per_line"]] == ["a", "b", "c", "d"]
    assert (out / "a.txt").read_bytes() == b"Der Bauherr\n"
    assert found["per_line"][0]["candidates"]["ppocr"] == "Der Bauhrrr"
    assert 0 < found["per_line"][0]["confidence"] <= 1
    assert (found["lines"], found["failed"]) == (4, [])
    assert not list(out.glob("*.part"))


def test_what_is_no_line_is_listed_and_the_others_go_on(tmp_path, capsys, told):
    folder, out = tmp_path / "in", tmp_path / "out"
    write(folder, "good.png", line_image())
    write(folder, "flat.png", np.full((3, 200), 255, np.uint8))
    write(folder, "long.png", line_image(size=(20_000, 40)))
    (folder / "notes.md").write_text("kein Bild")
    (folder / "fake.png").write_bytes(b"kein Bild")
    (folder / "empty.png").write_bytes(b"")
    assert ocr_lines(options(folder, out), lambda stack: InkReader()) == 0
    found = summary(capsys)
    failed = {one["file"]: one["code"] for one in found["failed"]}
    assert failed == {
        "flat.png": LineTooSmall.code,
        "notes.md": FileTypeRefused.code,
        "fake.png": DamagedImage.code,
        "empty.png": "datei_leer",
    }
    assert all(one["message"].endswith((".", "}", ")")) for one in found["failed"])
    assert sorted(path.name for path in out.glob("*.txt")) == ["good.txt", "long.txt"]
    assert (out / "long.txt").read_text(encoding="utf-8").count("\n") == 1


def test_folders_without_lines_are_refused(tmp_path, capsys, told):
    empty, out = tmp_path / "in", tmp_path / "out"
    empty.mkdir()
    with pytest.raises(NoLineImages):
        ocr_lines(options(empty, out), lambda stack: InkReader())
    with pytest.raises(FileMissing):
        list_lines(tmp_path / "nowhere")
    (empty / "notes.md").write_text("kein Bild")
    with pytest.raises(NoLineImages):
        ocr_lines(options(empty, out), lambda stack: InkReader())
    assert not list(out.glob("*.txt"))


def test_twins_are_refused_before_anything_is_read(tmp_path):
    write(tmp_path / "in", "a.png", line_image())
    write(tmp_path / "in", "a.jpg", line_image())
    with pytest.raises(StemTaken):
        list_lines(tmp_path / "in")


def test_texts_of_other_pictures_stay(tmp_path, capsys, told):
    folder, out = tmp_path / "in", tmp_path / "out"
    write(folder, "a.png", line_image())
    for _ in range(2):
        assert ocr_lines(options(folder, out), lambda stack: InkReader()) == 0
    assert json.loads((out / RECORD).read_bytes())["script"] == "fraktur"
    write(folder, "a.png", line_image("Anders"))
    with pytest.raises(ResultsExist):
        ocr_lines(options(folder, out), lambda stack: InkReader())
    assert ocr_lines(options(folder, out, force=True), lambda stack: InkReader()) == 0


def test_the_own_model_alone_needs_the_model(tmp_path, told):
    write(tmp_path / "in", "a.png", line_image())
    with pytest.raises(FrakturModelMissing):
        ocr_lines(options(tmp_path / "in", tmp_path / "out", engine="crnn"), lambda _: InkReader())


def test_the_own_model_reads_alone_and_votes_where_the_catalogue_has_it():
    asked = []

    class Own(InkReader):
        def models(self):
            entry = type("Entry", (), {"name": "fraktur_line", "available": True})()
            return Catalog.model_construct(models=[entry])

        def ocr(self, images, *, mode="page", stop=lambda: False, model="ppocrv6_small"):
            asked.append(model)
            return super().ocr(images, mode=mode, stop=stop)

    engines = Engines(ServerReader(Own()), None, ())
    alone = read_lines([line_image()], engines, "fraktur", "crnn")[0]
    assert [one.engine for one in alone.candidates] == ["fraktur_line"]
    together = read_fraktur([line_image()], ServerReader(Own()), ())[0]
    assert [one.engine for one in together] == ["ppocr", "fraktur_line"]
    assert asked == ["fraktur_line", "ppocrv6_small", "fraktur_line"]


def test_the_vote_corrects_single_engines_and_keeps_the_long_s():
    truth = "Das Geſuch wird genehmigt"
    voted = vote_fraktur(
        [
            candidate("ppocr", "Das Gefuch wird genehmigt", 0.9),
            candidate("tesseract_frk", "Das Geſuch wirb genehmigt", 0.9),
            candidate("tesseract_fraktur", "Das Geſuch wird geuehmigt", 0.9),
        ]
    )
    assert voted.text == truth
    assert len(voted.margins) == len(truth)


def test_only_the_own_model_can_write_old_umlauts():
    old = "fu\u0364r"
    voted = vote_fraktur(
        [
            candidate("ppocr", "für", 0.99),
            candidate("tesseract_frk", "für", 0.99),
            Candidate("fraktur_line", old, (0.9, 0.9, 0.9, 0.9)),
        ]
    )
    assert voted.text == old
    assert len(voted.margins) == len(old)


def test_long_lines_are_cut_at_gaps_and_joined_again():
    line = np.full((40, 5000), 255, np.uint8)
    line[10:30, 100:2300] = 0
    line[10:30, 2700:4900] = 0
    parts = cut_long(line)
    assert len(parts) == 3
    assert all((part[:, :5] == 255).all() and (part[:, -5:] == 255).all() for part in parts)
    ink = sum(int((part < 128).sum()) for part in parts)
    assert ink == int((line < 128).sum())
    assert cut_long(line[:, :2000])[0].shape == (40, 2000)
    read = read_lines([line], Engines(ServerReader(InkReader(text="Bau")), None, ()), "antiqua")
    assert read[0].text == "Bau Bau Bau"


def test_line_pictures_of_all_depths_are_opened(tmp_path):
    deep = line_image().astype(np.uint16) * 257
    write(tmp_path / "in", "deep.png", deep)
    assert open_line(tmp_path / "in" / "deep.png").dtype == np.uint8
    prepared = prepare_line(line_image(size=(400, 96)))
    assert prepared.shape[0] == 48


def test_fraktur_is_told_by_its_long_s():
    assert is_fraktur([FRAKTUR])
    assert not is_fraktur([FRAKTUR.replace("ſ", "s")])
    assert not is_fraktur(["ſo"])


def test_a_page_of_fraktur_goes_to_its_engines_and_sure_print_asks_nobody():
    page = cleaned(draw_lines([FRAKTUR[:40]] * 8))
    boxes = _boxes()
    frk = Told("tesseract_frk", FRAKTUR)
    pieces = read_pieces(
        page, boxes, Engines(ServerReader(InkReader(text=FRAKTUR, score=0.9)), None, (frk,))
    )
    assert {one.engine for piece in pieces for one in piece.candidates} >= {"tesseract_frk"}
    sure = Told("tesseract_frk", FRAKTUR)
    read_pieces(page, boxes, Engines(ServerReader(InkReader(score=0.995)), None, (sure,)))
    assert sure.crops == 0
    plain = Told("tesseract_frk", "Der Bauherr ist mit allem zufrieden und zahlt " * 2)
    print_ = read_pieces(page, boxes, Engines(ServerReader(InkReader(score=0.9)), None, (plain,)))
    assert {one.engine for piece in print_ for one in piece.candidates} <= {
        "ppocr",
        "ppocr_filtered",
    }


def _boxes():
    return [TextBox(110, 115 + 60 * n, 900, 160 + 60 * n, 0.0, 0.9) for n in range(8)]
