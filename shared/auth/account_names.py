"""Names for signing in: one spelling for what looks the same, nothing that looks like another."""

from __future__ import annotations

import re
import unicodedata

from shared.errors import AccountNameInvalid

MOST_CHARACTERS = 64
_NAME = re.compile(r"[a-z0-9äöü][a-z0-9äöü._@-]{0,62}[a-z0-9äöü]")


def account_name(text: str) -> str | None:
    """Return a name as the database keeps it (NFKC, small letters), None for no such name.

    Full-width letters, ligatures and capitals become plain letters; letters of other scripts that
    look like Latin ones, invisible characters and those that turn the direction are none.

    Args:
        text: What somebody typed.
    """
    if len(text) > 4 * MOST_CHARACTERS:
        return None
    # Folding may leave what NFKC composes again.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())
    return folded if _NAME.fullmatch(folded) else None


def checked_account_name(text: str) -> str:
    """Return the name of a new account as the database keeps it.

    Args:
        text: What somebody typed.

    Raises:
        AccountNameInvalid: It is no such name.
    """
    name = account_name(text)
    if name is None:
        raise AccountNameInvalid()
    return name
