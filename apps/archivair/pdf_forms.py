"""Find PDFs whose drawing would never end: parts of pages that draw themselves, or nest too deep.

The library that draws follows such parts again and again: one kilobyte keeps it busy for years.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf

from apps.archivair.file_data import FileData
from apps.archivair.pdf_scripts import names_form

MOST_NESTED = 12
"""Sound files nest two or three."""
Identity = tuple[int, int]


def has_endless_forms(data: FileData) -> bool:
    """Say whether parts of pages draw themselves or are nested deeper than `MOST_NESTED`.

    Args:
        data: The file; what cannot be understood is left to the library that draws.
    """
    if not names_form(data):
        return False
    place = data.place
    try:
        with pikepdf.open(place if isinstance(place, Path) else io.BytesIO(place)) as pdf:
            depths: dict[Identity, int] = {}
            return any(
                _depth(form, depths, 0) > MOST_NESTED
                for page in pdf.pages
                for form in _forms_in(page.obj.get("/Resources"))
            )
    except pikepdf.PdfError:
        return False


def _depth(form: pikepdf.Object, depths: dict[Identity, int], above: int) -> int:
    """Return how many parts lie in each other; a loop is deeper than any limit."""
    identity = form.objgen
    if identity not in depths:
        if above > MOST_NESTED:
            return MOST_NESTED + 1
        depths[identity] = MOST_NESTED + 1  # whoever comes back here meanwhile is in a loop
        inner = _forms_in(form.get("/Resources"))
        depths[identity] = 1 + max((_depth(one, depths, above + 1) for one in inner), default=0)
    return depths[identity]


def _forms_in(resources: pikepdf.Object | None) -> Iterator[pikepdf.Object]:
    if not isinstance(resources, pikepdf.Dictionary):
        return
    parts = resources.get("/XObject")
    if not isinstance(parts, pikepdf.Dictionary):
        return
    for name in parts.keys():  # noqa: SIM118  # an object of the library, no mapping
        one = parts[name]
        if isinstance(one, pikepdf.Stream) and one.get("/Subtype") == "/Form":
            yield one
