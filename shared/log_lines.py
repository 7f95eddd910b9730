"""One line of the log for each message, whatever strangers have put into it.

Libraries log names that browsers send. With a line break in one of them somebody could write lines
that never happened, and with other control characters disturb the terminal of whoever reads them.
"""

from __future__ import annotations

import logging
import re

_UNSEEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class _OneLine(logging.LogRecord):
    """A record whose message shows what nobody would see."""

    def getMessage(self) -> str:
        """Return the message with escapes in place of what nobody sees."""
        return _UNSEEN.sub(_escaped, super().getMessage())


def keep_to_one_line() -> None:
    """Let all messages of this process keep to one line each; tracebacks keep theirs."""
    logging.setLogRecordFactory(_OneLine)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
