"""`python -m apps.archivair search QUERY --index DIR`: find words in the results of `process`.

The index is made in a temporary folder for the call: results stay as they are, and nothing in them
is trusted.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from apps.archivair.batch.contents import Batch, BatchPage, PropertyFile, document_of
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.index import INDEX_NAME, IndexedLine, IndexedWord, IndexMaker, SearchIndex
from apps.archivair.search import Hit, Query, excerpt, search_pages
from apps.archivair.search_facts import (
    SearchFilter,
    corrected_lines,
    file_of,
    pages_of,
    years_of,
)
from apps.archivair.search_folder import ResultFolder
from apps.archivair.search_synonyms import shown_word
from shared.command_line import GermanParser
from shared.errors import InputError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

MOST_HITS: Final = 1000
_DEFAULT_HITS = 10
_PAGES_PER_NOTE = 500
_DIGITS = 1


def add_search(commands: _SubParsersAction[GermanParser]) -> None:
    """Add the words of the command.

    Args:
        commands: Where the other commands are.
    """
    parser = commands.add_parser("search", help="In den Ergebnissen von process suchen")
    parser.add_argument("query", metavar="SUCHWORT", help="Wörter, auch mit Schreibfehlern")
    parser.add_argument(
        "--index", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner von process"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=_DEFAULT_HITS,
        metavar="ZAHL",
        help="höchstens so viele Treffer",
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="ART",
        help="nur Dokumente dieser Art, mehrfach möglich",
    )
    parser.add_argument("--first-year", type=int, metavar="JAHR", help="nur ab diesem Jahr")
    parser.add_argument("--last-year", type=int, metavar="JAHR", help="nur bis zu diesem Jahr")
    parser.add_argument("--street", default="", metavar="NAME", help="nur Akten dieser Straße")
    parser.add_argument("--flur", default="", metavar="ZAHL", help="nur Akten dieser Flur")
    parser.add_argument(
        "--plot", default="", metavar="ZAHL", help="nur Akten dieses Flurstücks, etwa 116/3"
    )


def search(options: Namespace) -> int:
    """Run the command and return 0, also when nothing is found.

    Args:
        options: What `add_search` names.

    Raises:
        InputError: Nothing to search, an unknown class or a limit out of range.
        ResultsUnusable: The folder holds no results of `process`.
    """
    start = time.monotonic()
    query, wanted = _checked(options)
    results = ResultFolder.open(options.index)
    batch = results.batch
    with TemporaryDirectory(prefix="urbanki-") as folder:
        index = _make_index(results, Path(folder) / INDEX_NAME)
        corrected = corrected_lines(batch)
        hits = search_pages(index, query, pages=pages_of(batch, wanted), corrections=corrected)
        shown = [
            _entry(rank, hit, batch, [*index.lines(hit.page), *corrected.get(hit.page, ())])
            for rank, hit in enumerate(hits[: options.limit], 1)
        ]
    summary = {
        "command": "search",
        "query": query.text,
        "pages": len(batch.pages),
        "pages_without_text": results.missing,
        "hits_total": len(hits),
        "hits": shown,
        "seconds": round(time.monotonic() - start, 2),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    return 0


def _checked(options: Namespace) -> tuple[Query, SearchFilter]:
    query = Query(options.query)
    if not query.terms:
        raise InputError(reason="Das Suchwort enthält weder Buchstaben noch Ziffern.")
    if not 1 <= options.limit <= MOST_HITS:
        raise InputError(reason=f"--limit muss zwischen 1 und {MOST_HITS} liegen.")
    unknown = set(options.classes) - {*class_ids(), "unklar"}
    if unknown:
        raise InputError(reason=f"--class kennt nur {', '.join(class_ids())} und unklar.")
    wanted = SearchFilter(
        classes=frozenset(options.classes),
        first_year=options.first_year,
        last_year=options.last_year,
        street=options.street,
        flur=options.flur,
        plot=options.plot,
    )
    return query, wanted


def _make_index(results: ResultFolder, path: Path) -> SearchIndex:
    with IndexMaker(path) as maker:
        for place, (number, lines) in enumerate(results.pages(), 1):
            maker.add(number, lines)
            if place % _PAGES_PER_NOTE == 0:
                sys.stderr.write(f"{place} von {len(results.batch.pages)} Seiten aufgenommen\n")
    return SearchIndex(path)


def _entry(rank: int, hit: Hit, batch: Batch, lines: list[IndexedLine]) -> dict[str, object]:
    page = next(one for one in batch.pages if one.page == hit.page)
    document = document_of(batch.documents, hit.page)
    shown = excerpt(hit, lines)
    return {
        "rank": rank,
        "page": hit.page,
        "file": batch.inputs[page.file - 1].file,
        "stem": page.stem,
        "document": document.document,
        "class": document.document_class,
        "years": list(years_of(document)),
        "property": _property(batch, page),
        "score": hit.score,
        "text": shown.text,
        "marks": [_mark(word) for word in shown.marks],
        "missing": list(hit.missing),
        "synonyms": [shown_word(word) for word in hit.others],
    }


def _property(batch: Batch, page: BatchPage) -> Mapping[str, str]:
    file: PropertyFile | None = file_of(batch).get(page.document)
    return dict(file.property) if file is not None else {}


def _mark(word: IndexedWord) -> dict[str, object]:
    return {"text": word.text, "bbox_px": [round(side, _DIGITS) for side in word.box]}
