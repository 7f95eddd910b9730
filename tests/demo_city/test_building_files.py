"""Building files: equal on every call, exact truth, disjoint splits, planted differences."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from shared.demo_city import (
    PAGE_CLASSES,
    __main__ as program,
    draw_facts,
    file_split,
    render_batch,
    render_file,
)
from shared.demo_city.building_files.city_files import CONTRADICTION_SHARE, FILED_SHARE, city_facts
from shared.demo_city.building_files.documents import load_texts
from shared.demo_city.building_files.eras import ERAS, FILE_SPLITS, SEEDS, era_of
from shared.demo_city.building_files.families import Family, families
from shared.demo_city.building_files.fonts import FOLDER, long_s
from shared.demo_city.building_files.people import make_iban
from shared.demo_city.building_files.plan_parts import turned_line
from shared.demo_city.building_files.scans import (
    PageOrder,
    ScannedPage,
    batch_facts,
    plan_stream,
    render_page,
)
from shared.demo_city.building_files.sheet import Sheet
from shared.demo_city.building_files.truth import Box, PageTruth
from shared.demo_city.city import DemoCity
from shared.demo_city.tables.person_names import family_names, first_names
from shared.errors import InputError

DARK = 128
"""Ink of clean pages is darker than this."""


def pages_of(seeds: range, wanted: frozenset[str] = frozenset(PAGE_CLASSES)) -> list[PageOrder]:
    """Return the first page of each class in each era, as far as the seeds have them."""
    found: dict[tuple[str, str, bool], PageOrder] = {}
    for seed in seeds:
        for order in plan_stream(batch_facts(seed, 1), seed):
            document = order.document
            key = (document.page_class, order.facts.era.wording, document.is_drawn)
            if document.page_class in wanted and not order.is_blank:
                found.setdefault(key, order)
    return list(found.values())


@pytest.fixture(scope="module")
def clean_pages() -> list[ScannedPage]:
    orders = pages_of(range(0, 40)) + pages_of(range(95_000, 95_040))
    return [render_page(order, number, 100, "clean") for number, order in enumerate(orders, 1)]


def test_a_batch_is_the_same_on_every_call() -> None:
    first, second = (render_batch(95_006, files=1, dpi=72) for _ in range(2))
    assert json.dumps(first.truth()) == json.dumps(second.truth())
    for one, other in zip(first.pages, second.pages, strict=True):
        assert np.array_equal(one.image, other.image)
    other_seed = render_batch(95_007, files=1, dpi=72)
    assert json.dumps(first.truth()) != json.dumps(other_seed.truth())


def test_pages_do_not_depend_on_each_other() -> None:
    files = batch_facts(12, 2)
    order = plan_stream(files, 12)[-1]
    alone = render_page(order, 9, 72, "mixed")
    plan_stream(files, 12)
    render_page(plan_stream(files, 12)[0], 1, 72, "mixed")
    assert np.array_equal(alone.image, render_page(order, 9, 72, "mixed").image)


def test_every_class_is_there_in_every_wording(clean_pages: list[ScannedPage]) -> None:
    seen = {page.truth.page_class for page in clean_pages}
    assert seen == set(PAGE_CLASSES)
    assert len(PAGE_CLASSES) == 20
    for bank in ("train", "test"):
        texts = load_texts(bank)
        assert set(texts) - {"common"} == set(PAGE_CLASSES)
        for page_class in PAGE_CLASSES:
            for wording in ("old", "mid", "new"):
                assert texts[page_class][wording]
                assert texts[page_class][f"title_{wording}"]


def test_twenty_seeds_in_a_row_hold_every_class() -> None:
    for first in (0, 90_000, 95_000):
        seen = {
            order.document.page_class
            for seed in range(first, first + 20)
            for order in plan_stream(batch_facts(seed, 1), seed)
        }
        assert seen == set(PAGE_CLASSES)


def ink_outside(image: np.ndarray, boxes: list[Box]) -> int:
    """Return how many dark pixels lie outside of boxes."""
    left = image < DARK
    for x0, y0, x1, y1 in boxes:
        left[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
    return int(left.sum())


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_boxes_cover_the_ink_of_their_text(family: Family) -> None:
    """Nothing dark lies outside of the boxes: every script, letter-spaced and turned text too."""
    sheet = Sheet(210, 297, 150, np.random.default_rng(5))
    text, y = "Großes „Grundstück“ fl. 7/2, jüngst Übergang (ÄÖ§) f", 20.0
    for era in ERAS:
        for style in (family.print_style(era), family.typed_style(era, 2.5), family.plan_style(9)):
            sheet.line(15, y, text, style)
            sheet.line(15, y + 8, text[:22], style, spaced=True)
            y += 16
    turned_line(sheet, 200, 120, "Straßenkanal DN 300", family.plan_style(9))
    words = [box for line in sheet.lines for _, box in line.words]
    assert len(words) > 100
    assert ink_outside(np.array(sheet.image), words) == 0


def test_boxes_of_words_hold_ink_and_fit_closely(clean_pages: list[ScannedPage]) -> None:
    for page in clean_pages:
        for line in page.truth.lines:
            assert line.text.split() == [text for text, _ in line.words]
            for text, (x0, y0, x1, y1) in line.words:
                part = page.image[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
                assert part.size, text
                assert (part < 200).any(), (page.truth.page_class, text)


def test_lines_stay_on_the_page(clean_pages: list[ScannedPage]) -> None:
    for page in clean_pages:
        for line in page.truth.lines:
            right = max(x for x, _ in line.quad)
            low = max(y for _, y in line.quad)
            assert right <= page.truth.width_px, (page.truth.page_class, line.text)
            assert low <= page.truth.height_px, (page.truth.page_class, line.text)


def test_fields_stand_in_their_line_and_box(clean_pages: list[ScannedPage]) -> None:
    fields = 0
    for page in clean_pages:
        for one in (*page.truth.fields, *page.truth.personal):
            if one.line < 0:
                continue
            line = page.truth.lines[one.line]
            assert one.raw in line.text
            x0, y0, x1, y1 = one.box
            assert line.box[0] - 1 <= x0 < x1 <= line.box[2] + 1
            assert line.box[1] - 1 <= y0 < y1 <= line.box[3] + 1
            fields += bool(one.value)
    assert fields > 300


def test_fields_say_what_the_facts_say() -> None:
    for seed in (3, 95_010):
        facts = draw_facts(seed)
        expected = {
            "aktenzeichen": facts.case_number, "strasse": facts.place.street,
            "hausnummer": facts.place.house_number, "gemarkung": facts.place.district,
            "flur": str(facts.place.flur), "flurstueck_zaehler": str(facts.place.plot),
            "bauherr": facts.applicant.name, "entwurfsverfasser": facts.designer.name,
            "datum_antrag": facts.applied.isoformat(),
            "datum_genehmigung": facts.approved.isoformat(),
            "gebuehr_betrag": f"{facts.fee:.2f}",
        }  # fmt: skip
        seen = set()
        for order in plan_stream(batch_facts(seed, 1), seed):
            for one in render_page(order, 1, 72, "clean").truth.fields:
                seen.add(one.name)
                if one.name in expected:
                    assert one.value == expected[one.name]
                if one.name.startswith("datum_"):
                    assert date.fromisoformat(one.value)
        assert {"aktenzeichen", "strasse", "hausnummer", "bauherr"} <= seen


def test_personal_data_cover_the_categories(clean_pages: list[ScannedPage]) -> None:
    found = Counter(one.name for page in clean_pages for one in page.truth.personal)
    assert set(found) >= {
        "person_name", "birth_date", "phone", "email", "address_private", "bank", "signature",
        "tax_id", "vehicle_plate", "health", "family",
    }  # fmt: skip
    names = {one.raw.replace("ſ", "s") for page in clean_pages for one in page.truth.personal
             if one.name == "person_name" and " " in one.raw}  # fmt: skip
    firsts, lasts = set(first_names()), set(family_names())
    assert names
    assert all(name.split()[0] in firsts and name.split(" ", 1)[1] in lasts for name in names)


def test_handwriting_and_signatures_have_ink_but_no_text(clean_pages: list[ScannedPage]) -> None:
    kinds = Counter()
    for page in clean_pages:
        for kind, (x0, y0, x1, y1) in page.truth.areas:
            kinds[kind] += 1
            part = page.image[int(y0) : int(y1), int(x0) : int(x1)]
            assert (part < 200).mean() > 0.003, kind
    assert {"handwriting", "signature", "photo", "drawing"} <= set(kinds)


def test_boxes_follow_tilt_and_turn() -> None:
    """The ink of a spoilt page lies where its boxes say, upside down and tilted too."""
    turned = tilted = 0
    for seed in range(95_000, 95_040):
        for order in plan_stream(batch_facts(seed, 1), seed):
            if order.is_blank or order.document.page_class not in {"bauantrag", "deckblatt"}:
                continue
            page = render_page(order, 1, 72, "degraded")
            truth = page.truth
            if truth.rotation_deg or abs(truth.tilt_deg) > 1.5:
                turned += bool(truth.rotation_deg)
                tilted += not truth.rotation_deg
                assert contrast(page) > 6
        if turned and tilted > 3:
            return
    pytest.fail("no turned page among the seeds")


def contrast(page: ScannedPage) -> float:
    """Return how much darker the boxes of words are than the paper beside them [grey levels]."""
    gray = page.image if page.image.ndim == 2 else page.image.mean(axis=2)
    inside, outside = [], []
    for line in page.truth.lines:
        for _, (x0, y0, x1, y1) in line.words:
            high = y1 - y0
            part = gray[int(y0) : int(y1), int(x0) : int(x1)]
            beside = gray[int(y1 + high) : int(y1 + 1.5 * high), int(x0) : int(x1)]
            if part.size and beside.size:
                inside.append(float(part.mean()))
                outside.append(float(np.median(beside)))
    return float(np.mean(outside) - np.mean(inside))


def test_splits_share_no_seed_and_no_family() -> None:
    for one, other in combinations(FILE_SPLITS, 2):
        assert not set(range(*SEEDS[one])) & set(range(*SEEDS[other]))
    by_split = {split: [one for one in families() if one.split == split] for split in FILE_SPLITS}
    assert len(by_split["train"]) >= 8
    assert len(by_split["test"]) >= 4
    names = [family.name for family in families()]
    assert len(names) == len(set(names))
    looks = [(one.letterhead, one.form, one.stamp, one.margin_mm) for one in families()]
    assert len(set(looks)) == len(looks)
    for seed in (0, 89_999, 90_000, 94_999, 95_000, 99_999):
        assert draw_facts(seed).family.split == file_split(seed)
    with pytest.raises(InputError):
        file_split(100_000)


def test_families_of_the_test_share_nothing_with_the_others() -> None:
    parts = ("fraktur", "serif", "sans", "typewriter", "lettering", "letterhead", "form", "stamp",
             "case_pattern", "bank")  # fmt: skip
    for part in parts:
        sides = [
            {getattr(one, part) for one in families() if (one.split == "test") is side}
            for side in (True, False)
        ]
        assert not sides[0] & sides[1], part
    fonts = [
        {getattr(one, name) for one in families() if (one.split == "test") is side
         for name in parts[:5]}
        for side in (True, False)
    ]  # fmt: skip
    assert not fonts[0] & fonts[1]


def test_wordings_of_test_and_training_share_no_sentence() -> None:
    train, test = (sentences(bank) for bank in ("train", "test"))
    assert len(train) > 250
    assert len(test) > 180
    shared = {text for text in train & test if len(text.split()) > 2}
    assert shared == set()


def sentences(bank: str) -> set[str]:
    path = Path(FOLDER.parent, "texts", f"{bank}.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {text for table in content.values() for texts in table.values() for text in texts}


def test_a_batch_holds_several_properties() -> None:
    for seed in range(95_000, 95_010):
        files = batch_facts(seed, 3)
        assert len({(one.place.street, one.place.house_number) for one in files}) == 3
        assert {one.split for one in files} == {"test"}
        orders = plan_stream(files, seed)
        assert [one.file for one in orders] == sorted(one.file for one in orders)
        assert orders[0].starts
        starts = [one.document_number for one in orders if one.starts]
        assert starts == list(range(1, len(starts) + 1))


def test_blank_backs_and_copies_belong_to_the_document_before() -> None:
    blanks = copies = pages = 0
    for seed in range(120):
        orders = plan_stream(batch_facts(seed, 1), seed)
        for before, one in pairwise(orders):
            pages += 1
            blanks += one.is_blank
            copies += one.duplicate_of > 0
            if one.is_blank or one.duplicate_of:
                assert one.document_number == before.document_number
                assert not one.starts
    assert 0.02 < blanks / pages < 0.12
    assert copies


def test_a_blank_back_has_no_text() -> None:
    for seed in range(40):
        for order in plan_stream(batch_facts(seed, 1), seed):
            if order.is_blank:
                truth = render_page(order, 2, 72, "print").truth
                assert (truth.state, truth.lines, truth.fields) == ("leer", (), ())
                assert "leer" in truth.quality
                return
    pytest.fail("no blank back among the seeds")


def orders_by_era(seeds: range) -> Iterator[PageOrder]:
    """Return the applications and fees of the first file of each era."""
    seen = set()
    for seed in seeds:
        if (era := draw_facts(seed).era.name) in seen:
            continue
        for order in plan_stream(batch_facts(seed, 1), seed):
            if order.document.page_class in {"bauantrag", "gebuehr"} and not order.is_blank:
                seen.add(era)
                yield order


def test_eras_write_in_their_script_and_currency() -> None:
    scripts: dict[str, set[str]] = {era.name: set() for era in ERAS}
    for order in orders_by_era(range(95_000, 95_060)):
        truth: PageTruth = render_page(order, 1, 72, "clean").truth
        scripts[truth.era] |= {line.script for line in truth.lines}
        units = {one.value for one in truth.fields if one.name == "gebuehr_waehrung"}
        assert units <= {order.facts.era.currency.rstrip(".")}
    assert scripts["until_1914"] == {"fraktur"}
    assert "typewriter" in scripts["1946_1975"]
    assert scripts["2000"] == {"antiqua"}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Bauschein", "Bauſchein"), ("Hauses", "Hauſes"), ("Grundstück", "Grundſtück"),
        ("Hausnummer", "Hausnummer"), ("Grundstücksgrenze", "Grundſtücksgrenze"), ("das", "das"),
        ("Ausfertigung", "Ausfertigung"), ("Straße", "Straße"), ("dieses", "dieſes"),
        ("Wohnungsfläche", "Wohnungsfläche"), ("Wasser", "Waſſer"),
    ],
)  # fmt: skip
def test_fraktur_has_two_kinds_of_s(text: str, printed: str) -> None:
    assert long_s(text) == printed


def test_iban_has_right_check_digits() -> None:
    digits = make_iban(123_456_789).replace(" ", "")
    assert len(digits) == 22
    assert int(f"{digits[4:]}1314{digits[2:4]}") % 97 == 1


def test_every_font_has_its_licence() -> None:
    fonts = {path.stem.removesuffix("_400").removesuffix("_700")
             for path in FOLDER.iterdir() if path.suffix in {".woff", ".ttf"}}  # fmt: skip
    licences = {path.stem.removeprefix("LICENSE_") for path in FOLDER.glob("LICENSE_*.txt")}
    assert fonts == licences
    for path in FOLDER.glob("LICENSE_*.txt"):
        assert "SIL OPEN FONT LICENSE" in path.read_text(encoding="utf-8").upper()


def by_id(table: pd.DataFrame, name: str, columns: list[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by their id."""
    return table.set_index(name)[columns].to_dict("index")


def test_table_agrees_with_the_buildings(city: DemoCity) -> None:
    files = city.table("building_files")
    addresses = by_id(city.table("addresses"), "address_id", ["street", "house_number", "suffix"])
    buildings = by_id(
        city.table("buildings"), "building_id",
        ["year_built", "usable_area_m2", "floors", "dwellings"],
    )  # fmt: skip
    parcels = by_id(city.table("parcels"), "parcel_id", ["number"])
    planted = {
        (row.file_id, row.field): row.in_register
        for row in city.table("building_file_contradictions").itertuples()
    }
    assert files["file_id"].is_unique
    assert files["address_id"].is_unique
    assert len(files) == pytest.approx(FILED_SHARE * len(addresses), rel=0.06)
    for row in files.itertuples():
        house, address = buildings[row.building_id], addresses[row.address_id]
        register = {
            "house_number": f"{address['house_number']}{address['suffix']}",
            "plot": parcels[row.parcel_id]["number"],
            "year": house["year_built"] if row.process == "Neubau" else row.year,
            "usable_area_m2": round(float(house["usable_area_m2"]), 2),
            "floors": house["floors"],
            "dwellings": house["dwellings"],
        }
        assert row.street == address["street"]
        for column, value in register.items():
            if (row.file_id, column) in planted:
                assert planted[row.file_id, column] == str(value)
                assert str(getattr(row, column)) != str(value)
            elif not (column == "year" and row.has_contradiction):
                assert getattr(row, column) == value, (row.file_id, column)
        assert row.applied_on < row.approved_on < row.accepted_on
        assert row.era == era_of(row.approved_on.year).name


def test_contradictions_are_listed(city: DemoCity) -> None:
    files, listed = city.table("building_files"), city.table("building_file_contradictions")
    assert set(files.loc[files["has_contradiction"], "file_id"]) == set(listed["file_id"])
    assert len(listed) / len(files) == pytest.approx(CONTRADICTION_SHARE, abs=0.02)
    assert (listed["in_file"] != listed["in_register"]).all()
    assert listed["field"].nunique() >= 5
    facts = city_facts(city, listed["file_id"].iloc[0])
    assert facts.contradictions[0].in_file == listed["in_file"].iloc[0]


def test_a_file_of_the_city_says_what_its_row_says(city: DemoCity) -> None:
    row = city.table("building_files").iloc[5]
    scan = render_file(city, row["file_id"], dpi=72)
    assert scan.split == "test"
    assert scan.files[0].case_number == row["case_number"]
    values = {one.name: one.value for page in scan.pages for one in page.truth.fields}
    assert values["strasse"] == row["street"]
    assert values["bauherr"] == row["applicant"]
    with pytest.raises(InputError, match="MU-0"):
        render_file(city, "MU-0")


def test_command_writes_pages_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "files"
    words = f"building-files --split test --out {out} --count 2 --files 1 --dpi 72".split()
    assert program.main(words) == 0
    summary = json.loads(capsys.readouterr().out)
    index = json.loads((out / "batches.json").read_text(encoding="utf-8"))
    assert [one["folder"] for one in index] == ["95000", "95001"]
    assert summary["pages"] == sum(one["pages"] for one in index)
    assert (summary["split"], summary["is_example"]) == ("test", True)
    for one in index:
        folder = out / one["folder"]
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        assert truth["schema"] == "building-file-truth/1"
        assert truth["pages"][0]["starts_document"] is True
        assert [page["page"] for page in truth["pages"]] == list(range(1, one["pages"] + 1))
        for page in truth["pages"]:
            with Image.open(folder / f"page_{page['page']:04d}.png") as image:
                assert image.size == (page["width_px"], page["height_px"])
    scan = render_batch(95_000, files=1, dpi=72)
    assert json.loads((out / "95000" / "truth.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(scan.truth())
    )


def test_closing_stands_on_the_last_page_only() -> None:
    seen = 0
    for seed in range(40):
        for order in plan_stream(batch_facts(seed, 1), seed):
            if order.document.page_class != "genehmigung" or order.document.pages < 2:
                continue
            if not order.is_blank and not order.duplicate_of:
                truth = render_page(order, 1, 72, "clean").truth
                is_last = order.page == order.document.pages - 1
                assert any(kind == "signature" for kind, _ in truth.areas) == is_last
                seen += 1
        if seen > 5:
            return
    pytest.fail("no permit of two pages among the seeds")
