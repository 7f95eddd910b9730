"""The PDF: its structure, what it may load, the same bytes for the same report."""

import io
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from shared.errors import PdfLibraryMissing, TemplateFaulty
from shared.i18n.translator import get_translator
from shared.report import pdf as pdf_module
from shared.report.blocks import Block, Callout, Column, Figure, Figures, Heading, Paragraph, Table
from shared.report.document import to_json
from shared.report.pdf import TEMPLATES, render_pdf
from shared.report.pdf_view import MOST_PDF_ROWS, template_values
from shared.settings import REPOSITORY
from tests.report.sample import COLUMNS, ORIGIN, report, rows

HOSTILE = (
    "<script>alert(1)</script><img src='file:///etc/passwd'>&amp;",
    "x" * 10_000,
    "مرحبا ABC עברית",
    "😀 ✓ → ≥ ² ‰",
    "a\u202eb\u0000c\x08",
    "{{ 7*7 }}{% raw %}",
    "url(http://127.0.0.1:9/x) @import 'file:///etc/hostname';",
    "\ud800",
)


@cache
def made(count: int = 60) -> bytes:
    return render_pdf(report(count)).content


@pytest.fixture
def document() -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(made())) as opened:
        yield opened


def elements(document: pikepdf.Pdf) -> list[pikepdf.Dictionary]:
    """Every structure element that a reader can reach, in order."""
    found: list[pikepdf.Dictionary] = []
    waiting: list[object] = [document.Root.StructTreeRoot]
    while waiting:
        one = waiting.pop()
        if isinstance(one, pikepdf.Array):
            waiting.extend(reversed(list(one)))
        elif isinstance(one, pikepdf.Dictionary):
            if "/S" in one:
                found.append(one)
            if "/K" in one:
                waiting.append(one.K)
    return found


def kinds(document: pikepdf.Pdf, kind: str) -> list[pikepdf.Dictionary]:
    return [one for one in elements(document) if str(one.S) == f"/{kind}"]


def pages_of(content: bytes) -> list[str]:
    opened = pypdfium2.PdfDocument(content)
    try:
        return [page.get_textpage().get_text_range() for page in opened]
    finally:
        opened.close()


def words(content: bytes) -> str:
    return "\n".join(pages_of(content))


def test_it_is_tagged_and_says_its_language_and_title(document: pikepdf.Pdf) -> None:
    root = document.Root
    assert root.MarkInfo.Marked
    assert str(root.Lang) == "de"
    assert root.ViewerPreferences.DisplayDocTitle
    assert str(document.docinfo.Title) == "Solaranlagen in Musterstadt"
    assert str(document.docinfo.CreationDate).startswith("D:20261124150000")
    with document.open_metadata() as metadata:
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == "Solaranlagen in Musterstadt"


def test_headings_become_bookmarks(document: pikepdf.Pdf) -> None:
    assert [len(kinds(document, f"H{level}")) for level in (1, 2, 3)] == [1, 4, 1]
    with document.open_outline() as outline:
        (title,) = outline.root
        assert title.title == "Solaranlagen in Musterstadt"
        assert [child.title for child in title.children] == [
            "Zusammenfassung",
            "Karte",
            "Einzelne Funde",
            "Woher kommt das?",
        ]


def test_pictures_carry_their_words(document: pikepdf.Pdf) -> None:
    figures = kinds(document, "Figure")
    assert [str(one.Alt) for one in figures] == ["Karte mit zwei Anlagen.", "Ein Dach."]


def test_every_cell_knows_its_headings(document: pikepdf.Pdf) -> None:
    names = {str(one.ID): one for one in kinds(document, "TH")}
    scopes = {str(one.A.Scope) for one in names.values()}
    assert scopes == {"/Column", "/Row"}
    cells = kinds(document, "TD")
    assert len(cells) > 60 * len(COLUMNS)
    for cell in cells:
        assert cell.A.Headers
        assert {str(name) for name in cell.A.Headers} <= set(names)
    index = document.Root.StructTreeRoot.IDTree.Names
    listed = [str(name) for name in list(index)[::2]]
    assert listed == sorted(names)


def test_table_heads_are_repeated_on_every_page(document: pikepdf.Pdf) -> None:
    assert len(document.pages) >= 3
    heads = [one for one in kinds(document, "THead")]
    assert len(heads) >= 2
    pages = pages_of(made())
    filled = [text for text in pages if "Musterstraße" in text]
    assert len(filled) >= 2
    assert all("Sicherheit" in text for text in filled)


def test_fonts_are_embedded_and_pages_numbered(document: pikepdf.Pdf) -> None:
    fonts = [
        one
        for one in document.objects
        if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/FontDescriptor"
    ]
    assert fonts
    assert all({"/FontFile2", "/FontFile3"} & set(one.keys()) for one in fonts)
    text = words(made())
    total = len(document.pages)
    assert f"Seite 1 von {total}" in text
    assert f"Seite {total} von {total}" in text


def test_it_says_what_every_output_must_say() -> None:
    text = " ".join(words(made()).split())
    for said in (
        "Beispieldaten",
        "Bauordnung NRW, Fassung 3, Stand 1. September 2026",
        "gilt nur bis 1. Oktober 2026",
        "solar 0.1.0 (cdcdcdcdcdcd)",
        "ab" * 32,
        "0.1.0+g2d7a1a1",
        "Die Entscheidung trifft ein Mensch.",
        "3 von 140 Teilen ohne Ergebnis",
        "12.345,6",
    ):
        assert said in text, said


def watermarks(content: bytes) -> int:
    """Count the pages whose first drawing is light grey text, behind everything else."""
    grey = b"0.933333 0.945098 0.956863 rg"
    with pikepdf.open(io.BytesIO(content)) as opened:
        forms = [
            one.read_bytes()
            for one in opened.objects
            if isinstance(one, pikepdf.Stream)
            and one.get("/Type") != "/ObjStm"
            and one.get("/Subtype") != "/Image"
        ]
    return sum(grey in form for form in forms)


def test_invented_data_have_a_watermark_and_real_ones_none() -> None:
    real = render_pdf(report(1, provenance=replace(ORIGIN, sample_data=False))).content
    assert watermarks(made()) > 0
    assert watermarks(real) == 0
    assert "Beispieldaten" not in words(real)


def test_two_hundred_rows_are_all_there() -> None:
    with pikepdf.open(io.BytesIO(made(200))) as opened:
        bodies = kinds(opened, "TBody")
        lines = sum(
            1 for body in bodies for row in body.K if row.S == "/TR" and row.K[0].S == "/TD"
        )
    assert lines == 200


def test_english_report() -> None:
    content = render_pdf(report(1, language="en")).content
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert str(opened.Root.Lang) == "en"
    text = words(content)
    assert "Page 1 of" in text
    assert "The decision is made by a person." in text


RENDER = """
import sys
sys.addaudithook(lambda event, args: watch(event, args))
opened, connected = [], []
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        opened.append(str(args[0]))
    if event.startswith(("socket.connect", "socket.getaddrinfo", "urllib.")):
        connected.append(f"{event} {args}")
import hashlib, json
from pathlib import Path
from shared.report.document import from_json
from shared.report.pdf import render_pdf
made = render_pdf(from_json(Path(sys.argv[1]).read_bytes()))
opened = [path for path in opened if "passwd" in path or "hostname" in path]
print(json.dumps([hashlib.sha256(made.content).hexdigest(), made.pages, opened, connected]))
"""


def hostile_blocks() -> tuple[Block, ...]:
    cells = tuple((number, text, text) for number, text in enumerate(HOSTILE))
    columns = (Column("a", HOSTILE[0][:99], "number"), Column("b", "B"), Column("c", "C"))
    texts = [Paragraph(text) for text in HOSTILE]
    return (
        Heading(HOSTILE[0]),
        *texts,
        Callout(HOSTILE[0]),
        Figures((Figure(HOSTILE[0], 1, "<b>", 0, None, None, HOSTILE[6]),)),
        Table("t", HOSTILE[0], columns, cells, HOSTILE[6]),
    )


def in_other_process(path: Path, seed: str) -> tuple[str, int, list[str], list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", RENDER, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "HOME": str(path.parent)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return told[0], told[1], told[2], told[3]


def test_hostile_texts_load_nothing_and_the_bytes_are_the_same_everywhere(tmp_path: Path) -> None:
    source = replace(ORIGIN, source=HOSTILE[0])
    blocks = tuple(one for one in hostile_blocks() if "\ud800" not in str(one))
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report(1, title=HOSTILE[0], blocks=blocks, provenance=source)))
    first, second = in_other_process(path, "1"), in_other_process(path, "2")
    assert first == second
    assert first[2] == [], "files were opened"
    assert first[3] == [], "the network was asked"


def test_hostile_texts_are_shown_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = render_pdf(report(1, title=HOSTILE[0], blocks=hostile_blocks()))
    assert not [one for one in caplog.records if one.name == "weasyprint"]
    text = "".join(words(made.content).split())
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "ab\ufffdc" in text, "turning marks are dropped, control characters are visible"
    with pikepdf.open(io.BytesIO(made.content)) as opened:
        assert not any(
            "/JavaScript" in one or "/JS" in one
            for one in opened.objects
            if isinstance(one, pikepdf.Dictionary)
        )


def test_numbers_never_wrap_and_wide_tables_turn_the_page() -> None:
    columns = tuple(Column(f"c{at}", f"Spalte {at}", "number", 2) for at in range(30))
    wide = Table("t", "Breit", columns, (tuple(1234567.891 for _ in columns),))
    made = render_pdf(report(1, blocks=(wide,)))
    text = words(made.content)
    assert text.count("1.234.567,89") == 30 + text.count("(Teil") - 1, "first column in each part"
    with pikepdf.open(io.BytesIO(made.content)) as opened:
        boxes = {tuple(map(float, page.mediabox))[2:] for page in opened.pages}
    assert any(width > height for width, height in boxes)
    assert any(width < height for width, height in boxes)


def test_headings_stay_with_a_wide_table() -> None:
    columns = tuple(Column(f"c{at}", f"Spalte {at}", "number", 2) for at in range(12))
    wide = Table("t", "Breit", columns, (tuple(1234567.891 for _ in columns),))
    blocks = (Paragraph("Text davor"), Heading("Kapitel"), Heading("Abschnitt", 2), wide)
    pages = pages_of(render_pdf(report(1, blocks=blocks)).content)
    assert "Text davor" in pages[0]
    assert "Abschnitt" not in pages[0]
    assert all(said in pages[1] for said in ("Kapitel", "Abschnitt", "Breit"))


def test_what_paper_cannot_hold_is_said() -> None:
    long = Table("t", "Lang", (Column("a", "A"),), (("y" * 1_000,),))
    many = Table("u", "Viele", (Column("a", "A"),), tuple((str(n),) for n in range(1_001)))
    values = template_values(report(1, blocks=(long, many)), get_translator("de"))
    first, second = values["blocks"]
    assert first["parts"][0].rows[0][0].endswith(" […]")
    assert first["notes"] == [
        "Lange Texte sind hier gekürzt, vollständig stehen sie in der Excel-Datei."
    ]
    assert len(second["parts"][0].rows) == MOST_PDF_ROWS
    assert second["notes"] == [
        "Hier stehen die ersten 1.000 von 1.001 Zeilen; alle enthält die Excel-Datei."
    ]


def test_an_empty_table_says_so() -> None:
    made = render_pdf(report(1, blocks=(Table("t", "Leer", (Column("a", "A"),), ()),)))
    assert "Die Tabelle ist leer." in words(made.content)


@pytest.fixture
def own_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    monkeypatch.setattr(pdf_module, "TEMPLATES", folder)
    pdf_module._environment.cache_clear()
    yield folder
    pdf_module._environment.cache_clear()


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x.png", "file:///etc/passwd", "asset:nothing", "data:image/png;base64,AA"],
)
def test_a_template_cannot_load_foreign_things(own_templates: Path, address: str) -> None:
    form = own_templates / "report.html"
    text = form.read_text(encoding="utf-8")
    form.write_text(text.replace("</body>", f'<img src="{address}" alt="x"></body>'), "utf-8")
    with pytest.raises(TemplateFaulty):
        render_pdf(report(1))


@pytest.mark.parametrize("broken", ["{% if %}", "{{ unknown_word }}"])
def test_a_broken_template_is_named(own_templates: Path, broken: str) -> None:
    (own_templates / "report.html").write_text(broken, encoding="utf-8")
    with pytest.raises(TemplateFaulty):
        render_pdf(report(1))


def test_a_changed_template_counts(own_templates: Path) -> None:
    form = own_templates / "report.html"
    text = form.read_text(encoding="utf-8")
    form.write_text(text.replace("</body>", "<p>Amt für Solares</p></body>"), encoding="utf-8")
    assert "Amt für Solares" in words(render_pdf(report(1)).content)


def test_without_pango_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def pango_missing(name: str) -> None:
        raise OSError(f"cannot load library 'libpango-1.0-0' for {name}")

    monkeypatch.setattr(pdf_module, "import_module", pango_missing)
    with pytest.raises(PdfLibraryMissing) as caught:
        render_pdf(report(1))
    assert "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in caught.value.remedy


def test_rows_of_the_sample_are_distinct() -> None:
    assert len(set(rows(60))) == 60
