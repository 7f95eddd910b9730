"""`python -m shared.report render REPORT.json --format pdf --out FILE`: a report as a file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from shared.command_line import GermanParser, print_json, refusal
from shared.errors import FileMissing, InputError, StorageFull, UrbanKiError
from shared.report.document import MOST_JSON_BYTES, Report, from_json, without_personal_columns
from shared.settings import get_settings

FORMATS = ("pdf", "xlsx", "csv", "gpkg", "geojson", "json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 bad input, 3 trouble of the machine."""
    try:
        summary = _run(_parser().parse_args(arguments))
    except InputError as error:
        print(refusal(error), file=sys.stderr)
        return 2
    except UrbanKiError as error:
        print(refusal(error), file=sys.stderr)
        return 3
    print_json(summary)
    return 0


def _parser() -> GermanParser:
    parser = GermanParser(
        prog="python -m shared.report", description="Berichte in einem Format ausgeben."
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    render = commands.add_parser("render", help="einen Bericht als Datei schreiben")
    render.add_argument("report", type=Path, metavar="REPORT.json", help="Bericht als JSON")
    render.add_argument(
        "--format", choices=FORMATS, required=True, metavar="FORMAT", help=", ".join(FORMATS)
    )
    render.add_argument("--out", type=Path, required=True, metavar="DATEI", help="neue Datei")
    render.add_argument(
        "--without-personal", action="store_true", help="ohne Spalten mit Angaben zu Personen"
    )
    return parser


def _run(told: Namespace) -> dict[str, object]:
    report = _read(told.report)
    if told.without_personal:
        report = without_personal_columns(report)
    files, pages = render(report, told.format, told.out.name)
    _write(told.out.parent, files)
    content = files[told.out.name]
    return {
        "file": str(told.out),
        "bytes": len(content),
        "pages": pages,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def render(report: Report, kind: str, name: str) -> tuple[dict[str, bytes], int | None]:
    """Return the files of a format by name, and the number of pages where there are any.

    Args:
        report: The report.
        kind: One of `FORMATS`.
        name: Name of the main file.

    Raises:
        ReportInvalid: The report holds nothing for this format.
        PdfLibraryMissing: Pango is not installed.
    """
    # Each library takes a noticeable time to load, so only the one that is needed is.
    if kind == "pdf":
        from shared.report.pdf import render_pdf
        from shared.themes.theme import load_theme

        made = render_pdf(report, load_theme(get_settings().theme))
        return {name: made.content}, made.pages
    if kind == "csv":
        from shared.report.csv_out import render_csv

        return render_csv(report, name), None
    if kind == "xlsx":
        from shared.report.excel import render_xlsx

        return {name: render_xlsx(report)}, None
    if kind == "json":
        from shared.report.json_out import render_json

        return {name: render_json(report)}, None
    from shared.report.geo_out import render_geojson, render_gpkg

    return {name: render_gpkg(report) if kind == "gpkg" else render_geojson(report)}, None


def _read(path: Path) -> Report:
    try:
        with path.open("rb") as file:
            return from_json(file.read(MOST_JSON_BYTES + 1))
    except OSError as cause:
        raise FileMissing(name=path.name) from cause


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files or none, each first beside its place and then moved there."""
    waiting = {name: folder / f".{name}.{os.getpid()}.part" for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in waiting.items():
            path.write_bytes(files[name])
        for name, path in waiting.items():
            path.replace(folder / name)
    except OSError as cause:
        raise StorageFull(folder=str(folder)) from cause
    finally:
        for path in waiting.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
