"""ZIP files that are the same bytes for the same content."""

from __future__ import annotations

import zipfile

EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
READABLE_FILE = 0o644 << 16
UNIX = 3


def entry(name: str, *, compressed: bool = True) -> zipfile.ZipInfo:
    """Return the head of an entry without the time and the machine of its making.

    Args:
        name: Name within the ZIP.
        compressed: False for what is compressed already.
    """
    head = zipfile.ZipInfo(name, EARLIEST_ZIP_DATE)
    head.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    head.external_attr = READABLE_FILE
    head.create_system = UNIX
    return head
