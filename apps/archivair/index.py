"""The search index of one batch: a small database file with the folded text of each page.

    with IndexMaker(path) as maker:
        maker.add(1, lines)
    index = SearchIndex(path)
    index.candidates(["muehlenstrasse"], limit=200)

Each run keeps one such file beside its results. So it works on every database and storage of the
house alike, belongs to one municipality, is deleted with its batch, and can be made anew from the
readings; an index inside PostgreSQL (pg_trgm) would need rights, clean-up and a second code path
for the same finds. Class, year and property are not in it: people correct them, so they are taken
from the batch as it stands when somebody searches.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from apps.archivair.errors import ReadingUnusable
from apps.archivair.reading import PageReading
from apps.archivair.search_folding import fold_lines

INDEX_NAME: Final = "suche.sqlite"
"""Name of the file among the results of a run; not meant for people."""
MEDIA_TYPE: Final = "application/vnd.sqlite3"
SCHEMA: Final = "archivair-index/1"
GRAM: Final = 3
"""Shortest text that the index finds; shorter ones are searched in every page."""
MOST_GRAMS: Final = 64
Box = tuple[float, float, float, float]
_TABLES = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE page (number INTEGER PRIMARY KEY, words BLOB NOT NULL)",
    "CREATE VIRTUAL TABLE folded USING fts5(text, tokenize='trigram case_sensitive 1')",
)


@dataclass(frozen=True, slots=True)
class IndexedWord:
    """One word of a page.

    Args:
        text: As it was read.
        box: Left, top, right, bottom in pixels of the delivered page image.
    """

    text: str
    box: Box


IndexedLine = tuple[IndexedWord, ...]


class IndexMaker:
    """Writes an index page by page; the same pages give the same bytes.

    Args:
        path: File to be made; it must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        # A draft that is thrown away when it fails needs no journal.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        for statement in _TABLES:
            self._database.execute(statement)
        self._database.execute("INSERT INTO about VALUES ('schema', ?)", (SCHEMA,))

    def add(self, number: int, lines: Sequence[IndexedLine]) -> None:
        """Add a page.

        Args:
            number: Its number in the batch, from 1.
            lines: Its lines in reading order.
        """
        folded = fold_lines([[word.text for word in line] for line in lines])
        rows = [[[word.text, *word.box] for word in line] for line in lines]
        packed = zlib.compress(json.dumps(rows, ensure_ascii=False).encode())
        self._database.execute("INSERT INTO page VALUES (?, ?)", (number, packed))
        self._database.execute(
            "INSERT INTO folded (rowid, text) VALUES (?, ?)", (number, folded.text)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._database.commit()
            self._database.execute("INSERT INTO folded (folded) VALUES ('optimize')")
            self._database.commit()
        self._database.close()


class SearchIndex:
    """An index that was made; each question opens it anew, so that any thread may ask.

    Args:
        path: File that an `IndexMaker` wrote.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            row = database.execute("SELECT value FROM about WHERE name = 'schema'").fetchone()
            if row != (SCHEMA,):
                raise ReadingUnusable()

    def numbers(self) -> list[int]:
        """Return the numbers of its pages in order."""
        with self._open() as database:
            return [row[0] for row in database.execute("SELECT number FROM page ORDER BY number")]

    def candidates(
        self, texts: Sequence[str], *, limit: int, pages: Collection[int] | None = None
    ) -> dict[int, str]:
        """Return the folded text of pages that share most with what is searched.

        Args:
            texts: Folded texts; a page that is like any of them may be returned.
            limit: Most pages that are found by likeness.
            pages: Only these; None for all.

        Returns:
            Folded text by page number. Without a word of three characters: all pages that hold one
            of the words.
        """
        words = [word for text in texts for word in text.split()]
        grams = trigrams(texts) if any(len(word) >= GRAM for word in words) else []
        only = json.dumps(sorted(pages)) if pages is not None else None
        with self._open() as database:
            if not grams:
                return _scanned(database, words, only)
            found = database.execute(
                "SELECT rowid, text FROM folded WHERE folded MATCH ?"
                " AND (? IS NULL OR rowid IN (SELECT value FROM json_each(?)))"
                " ORDER BY rank LIMIT ?",
                (" OR ".join(f'"{gram}"' for gram in grams), only, only, limit),
            )
            return dict(found.fetchall())

    def texts(self, pages: Collection[int]) -> dict[int, str]:
        """Return the folded text of pages; those that are not there are left out.

        Args:
            pages: Their numbers.
        """
        query = (
            "SELECT rowid, text FROM folded WHERE rowid IN (SELECT value FROM json_each(?))"
            " ORDER BY rowid"
        )
        with self._open() as database:
            return dict(database.execute(query, (json.dumps(sorted(pages)),)).fetchall())

    def lines(self, number: int) -> tuple[IndexedLine, ...]:
        """Return the lines of a page with the places of their words; none for a missing page.

        Args:
            number: Number of the page.
        """
        with self._open() as database:
            row = database.execute("SELECT words FROM page WHERE number = ?", (number,)).fetchone()
            if row is None:
                return ()
            try:
                rows = json.loads(zlib.decompress(row[0]))
            except (zlib.error, ValueError, TypeError) as cause:
                raise ReadingUnusable() from cause
        return tuple(
            tuple(IndexedWord(text, (x0, y0, x1, y1)) for text, x0, y0, x1, y1 in line)
            for line in rows
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for reading alone; it never changes."""
        try:
            database = sqlite3.connect(f"{self._path.absolute().as_uri()}?immutable=1", uri=True)
        except sqlite3.Error as cause:
            raise ReadingUnusable() from cause
        try:
            yield database
        except sqlite3.Error as cause:
            raise ReadingUnusable() from cause
        finally:
            database.close()


def lines_of(reading: PageReading) -> list[IndexedLine]:
    """Return the lines of a page that was read.

    Args:
        reading: The page.
    """
    return [
        tuple(IndexedWord(word.text, word.box) for word in line.words) for line in reading.lines
    ]


def trigrams(texts: Sequence[str]) -> list[str]:
    """Return the runs of three characters of texts, evenly chosen if many.

    Runs over a blank tell that words stand side by side, also where one of them is short.

    Args:
        texts: Folded texts.
    """
    grams = dict.fromkeys(
        text[start : start + GRAM] for text in texts for start in range(len(text) - GRAM + 1)
    )
    found = [gram.replace('"', '""') for gram in grams]
    step = -(-len(found) // MOST_GRAMS) or 1
    return found[::step]


def _scanned(
    database: sqlite3.Connection, texts: Sequence[str], only: str | None
) -> dict[int, str]:
    """Look for short texts in every page."""
    found: dict[int, str] = {}
    for text in texts:
        rows = database.execute(
            "SELECT rowid, text FROM folded WHERE instr(text, ?) > 0"
            " AND (? IS NULL OR rowid IN (SELECT value FROM json_each(?)))",
            (text, only, only),
        )
        found |= dict(rows.fetchall())
    return dict(sorted(found.items()))
