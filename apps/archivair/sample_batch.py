"""The sample batch: three building files of Musterstadt in one PDF, as a town scans a pile."""

from __future__ import annotations

import hashlib
import io
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pikepdf
from PIL import Image

from shared.demo_city import CitySettings, folder_of_city
from shared.settings import Settings
from shared.store.local_files import DRAFTS, disk_errors, move, write_draft

if TYPE_CHECKING:
    from shared.demo_city import DemoCity, FileScan

BATCH_NAME: Final = "stapel_beispiel.pdf"
BATCH_PAGES: Final = 34
BATCH_FILES: Final = 3
DPI: Final = 200
JPEG_QUALITY: Final = 70
POINTS_PER_INCH: Final = 72
_FACTS = Path(__file__).with_name("sample_batch.toml")
_FOLDER = "archivair"
_MARK = "Beispieldaten, künstlich erzeugt"


def sample_batch(settings: Settings) -> bytes:
    """Return the batch; drawn when it is first asked for, and kept beside the demo city.

    Args:
        settings: Names the folder.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    folder = settings.demo_city_folder / _FOLDER
    path = folder / f"{_fingerprint(settings)}.pdf"
    if path.is_file():
        with disk_errors(folder):
            return path.read_bytes()
    content = draw_batch()
    draft = write_draft(folder / DRAFTS, content, durable=False, place=folder)
    with disk_errors(folder):
        move(draft.path, path, durable=False)
    return content


def draw_batch() -> bytes:
    """Draw the pages and return them as one PDF; the same bytes on every call."""
    target = io.BytesIO()
    with pikepdf.new() as document:
        for scan in sample_scans():
            for page in scan.pages:
                _add_page(document, Image.fromarray(page.image))
        document.docinfo["/Title"] = _MARK
        document.save(target, deterministic_id=True)
    return target.getvalue()


def sample_scans() -> Iterator[FileScan]:
    """Render the three files with all that is true about their pages, one after the other."""
    from shared.demo_city import render_file

    city = _city()
    for facts in _facts():
        yield render_file(city, str(facts["file_id"]), dpi=DPI, quality="print")


def true_documents() -> dict[int, str]:
    """Return the class of each document of the batch by the number of its first page."""
    return dict(_content()["truth"]["starts"])


def _add_page(document: pikepdf.Pdf, image: Image.Image) -> None:
    """Append a page that is filled by a JPEG."""
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    picture = document.make_stream(
        jpeg.getvalue(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=image.width,
        Height=image.height,
        BitsPerComponent=8,
        ColorSpace=pikepdf.Name.DeviceGray if image.mode == "L" else pikepdf.Name.DeviceRGB,
        Filter=pikepdf.Name.DCTDecode,
    )
    size = image.width * POINTS_PER_INCH / DPI, image.height * POINTS_PER_INCH / DPI
    page = document.add_blank_page(page_size=size)
    name = page.add_resource(picture, pikepdf.Name.XObject)
    page.contents_add(f"q {size[0]:.3f} 0 0 {size[1]:.3f} 0 0 cm {name} Do Q".encode())


def _city() -> DemoCity:
    """Return a demo city that knows these files alone; the whole town takes a minute to build."""
    import pandas as pd

    from shared.demo_city import DemoCity

    city = DemoCity(CitySettings())
    none = pd.DataFrame({"file_id": [], "field": [], "in_file": [], "in_register": []}, dtype=str)
    city.keep(
        {
            "building_files": pd.DataFrame(_facts()),
            "building_file_contradictions": none,
        }
    )
    return city


def _facts() -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = _content()["file"]
    return files


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    return tomllib.loads(_FACTS.read_text(encoding="utf-8"))


def _fingerprint(settings: Settings) -> str:
    """Return what changes when the drawing does: the town's program, these files, this module."""
    digest = hashlib.sha256()
    digest.update(folder_of_city(settings.demo_city_folder, CitySettings()).name.encode())
    digest.update(_FACTS.read_bytes() + Path(__file__).read_bytes())
    return digest.hexdigest()[:16]
