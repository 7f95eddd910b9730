"""A report as JSON: everything that the other formats show, with its origin."""

from __future__ import annotations

from shared.report.document import Report, to_json


def render_json(report: Report) -> bytes:
    """Return the whole report; `python -m shared.report render` reads it again.

    The same report gives the same bytes.

    Args:
        report: The report.
    """
    return to_json(report)
