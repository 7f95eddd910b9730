"""Small files that cost a lot to open: they end in their own process and take nothing with them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest
from PIL import Image

from apps.archivair.errors import PdfDamaged
from apps.archivair.file_check import check_file
from apps.archivair.pages import Limits
from shared import limited_reading
from shared.errors import FileTooCostly, FileUnreadable
from shared.limited_reading import read_limited
from tests.shared.reader_processes import reader_process

SMALL_BYTES = 600_000
MOST_GROWTH_BYTES = 60 * 2**20
NAMES = {"forms": "a.pdf", "text": "a.pdf", "picture": "a.png"}
HEAD = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
PAGE = (
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
    b"/Resources<</XObject<</F 5 0 R>>>>>>"
)


def pdf(*bodies: bytes) -> bytes:
    written, places = b"%PDF-1.7\n", []
    for number, body in enumerate((*HEAD, PAGE, *bodies), 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    count = len(places) + 1
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (count, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + end


def stream(content: bytes, words: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (words, len(content), content)


def forms_that_draw_ten_others_each() -> bytes:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 500 700]"
    names = [b"%s/Resources<</XObject<</F %d 0 R>>>>" % (form, 6 + depth) for depth in range(10)]
    laughs = [stream(b"/F Do " * 10, words) for words in names]
    return pdf(stream(b"/F Do"), *laughs, stream(b"0 0 9 9 re f", form))


def text_that_unpacks_twice() -> bytes:
    text = zlib.compress(zlib.compress(b"0 0 9 9 re f\n" * 8_000_000, 1), 9)
    return pdf(stream(text, b"/Filter[/FlateDecode/FlateDecode]"))


def picture_within_the_allowed_size() -> bytes:
    written = io.BytesIO()
    Image.new("L", (13_000, 13_000)).save(written, "PNG")
    return written.getvalue()


COSTLY: dict[str, Callable[[], bytes]] = {
    "forms": forms_that_draw_ten_others_each,
    "text": text_that_unpacks_twice,
    "picture": picture_within_the_allowed_size,
}


@pytest.mark.parametrize("name", COSTLY)
@pytest.mark.timeout(120)
def test_a_small_file_takes_no_more_than_it_may(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = COSTLY[name]()
    assert len(content) < SMALL_BYTES
    limits = replace(limited_reading.LIMITS, memory_mb=100, cpu_s=20)
    monkeypatch.setattr(limited_reading, "LIMITS", limits)
    gallery = psutil.Process()
    before = gallery.memory_info().rss
    with pytest.raises((FileTooCostly, FileUnreadable, PdfDamaged)):
        read_limited(check_file, content, NAMES[name], Limits())
    assert gallery.memory_info().rss - before < MOST_GROWTH_BYTES
    assert reader_process().children() == []
