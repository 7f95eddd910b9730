"""Where a login may lead back to: a page of this gallery, never another place."""

from __future__ import annotations

import re

START_PAGE = "/"
_PAGE = re.compile(r"/[a-z0-9_-]{0,40}(\?[A-Za-z0-9_=&.,%-]{0,500})?")


def safe_next(path: str) -> str:
    """Return the path if it is a page of the gallery, the start page otherwise.

    Args:
        path: What somebody wants to see after the login; anybody may have written it.
    """
    return path if _PAGE.fullmatch(path) else START_PAGE
