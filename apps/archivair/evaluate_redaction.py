"""`python -m apps.archivair.evaluate_redaction` measures finding and removing personal data.

Files of the test side of the demo city are redacted: their layout families, wordings and names
occur nowhere in development. Text and places of the words are those of the drawn pages; with
`--ocr-documents` a smaller part is read by text recognition first. Each stream leaves a small file,
so that a call that was stopped goes on where it ended; a change of the program begins anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import ArchivePage, PageWord, upright_page
from apps.archivair.clean import WHITE, CleanPage, clean_page
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.recognise import ServerReader
from apps.archivair.redaction.errors import ResidueFound
from apps.archivair.redaction.hits import CaseFacts, PiiHit
from apps.archivair.redaction.measuring import (
    Counts,
    Known,
    KnownFile,
    count_hits,
    residues,
    turned_box,
    turned_image,
    words_alone,
)
from apps.archivair.redaction.pii import find_pii
from apps.archivair.redaction.profiles import load_profile, page_class, with_roles
from apps.archivair.redaction.release import by_profile, release_choice
from apps.archivair.redaction.rereading import bare_page, reread_with
from apps.archivair.redaction.verify import PageReader
from apps.archivair.tesseract import TIMEOUT_S, find_tesseract
from shared import __version__
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.demo_city import ScannedPage, iter_batch
from shared.errors import ModelServerError
from shared.geo.metrics import wilson_interval
from shared.settings import get_settings

COMMAND = "python -m apps.archivair.evaluate_redaction"
OUT = Path(__file__).resolve().parent / "evaluation_redaction.json"
FIRST_SEED = 95_000
DOCUMENTS, OCR_DOCUMENTS = 300, 0
DPI = 200
PROFILE = "forschung"
"""It removes most: every category and all names."""
NO_SERVER = 3
_FILES_PER_STREAM = 2
_PROGRAM = Path(__file__).resolve().parent
_DECIDING = (
    "forms.toml", "known_names.py", "lexicon.toml", "measuring.py", "misread.py", "names.py",
    "numbers.py", "pii.py", "places.py", "redact.py", "removed_strings.py", "signatures.py",
    "verify.py",
)  # fmt: skip
Json = dict[str, Any]


class PageNotRead(Exception):
    """Text recognition took too long: a page that nobody read proves nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the file and print it.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    options = _parser().parse_args(arguments)
    parts = options.parts or options.out.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    try:
        true = _streams(options, parts, "text", options.documents, _proof_reader(), None)
        recognised: list[Json] = []
        if options.ocr_documents:
            with ExitStack() as stack:
                server = stack.enter_context(ensure_model_server(get_settings()))
                client = stack.enter_context(ModelServerClient(server.settings))
                engines = Engines(ServerReader(client), find_tesseract())
                reader = reread_with(engines)
                recognised = _streams(options, parts, "ocr", options.ocr_documents, reader, engines)
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    content = {
        "figures": [
            *_figures(true, options, ""),
            *_figures(recognised, options, ", erkannter Text"),
        ],
        "first_seed": options.seed,
        "software_version": __version__,
    }
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--ocr-documents", type=int, default=OCR_DOCUMENTS)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument(
        "--quality", choices=("clean", "print", "degraded", "mixed"), default="mixed"
    )
    parser.add_argument("--without-proof", action="store_true", help="nur die Suche messen")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--parts", type=Path, help="Ordner der Zwischenstände")
    return parser


def _streams(
    options: argparse.Namespace, parts: Path, kind: str, wanted: int, reader: PageReader,
    engines: Engines | None,
) -> list[Json]:  # fmt: skip
    """Measure streams until there are enough documents; those measured before are read."""
    program = _program_hash()
    found: list[Json] = []
    seed = options.seed
    while sum(one["documents"] for one in found) < wanted:
        name = f"{kind}{'-suche' if options.without_proof else ''}_{options.quality}_{seed}.json"
        place = parts / name
        part = json.loads(place.read_bytes()) if place.is_file() else {}
        if part.get("program") != program:
            part = _measure(options, seed, reader, engines) | {"program": program}
            beside = place.with_suffix(".part")
            beside.write_text(json.dumps(part, ensure_ascii=False), encoding="utf-8")
            beside.replace(place)
        found.append(part)
        done = sum(one["documents"] for one in found)
        sys.stderr.write(f"{kind}: {done} von {wanted} Dokumenten\n")
        seed += 1
    return found


def _measure(
    options: argparse.Namespace, seed: int, reader: PageReader, engines: Engines | None
) -> Json:
    start = time.monotonic()
    counts, outcome = Counts(), Counter[str]()
    pages, missed = 0, list[Known]()
    for file in known_files(seed, options.quality, engines):
        pages += len(file.pages)
        hits = find_pii(file.pages)
        counted, found, lost = count_hits(file, hits)
        counts.add(counted)
        missed += lost
        for span in file.documents:
            outcome["documents"] += 1
            if not options.without_proof:
                outcome += _released(file, span, hits, found, reader)
    return {
        "seed": seed, "pages": pages, "documents": outcome["documents"],
        "counts": vars(counts), "outcome": dict(outcome),
        "missed": Counter(one.category for one in missed),
        "seconds": round(time.monotonic() - start, 1),
    }  # fmt: skip


def _released(
    file: KnownFile, span: tuple[int, int], hits: Sequence[PiiHit], found: Sequence[Known],
    reader: PageReader,
) -> Counter[str]:  # fmt: skip
    """Redact one document and search what is left of what was found."""
    first, last = span
    pages = file.pages[first - 1 : last]
    own = [_moved(hit, first - 1) for hit in hits if first <= hit.page <= last]
    facts, profile = CaseFacts(), load_profile(PROFILE)
    classes = {number: page_class(number, page, facts) for number, page in enumerate(pages, 1)}
    choice = by_profile(profile, with_roles(own, classes), classes, facts)
    read: list[str] = []

    def remembered(pixels: NDArray[np.uint8], dpi: float) -> Sequence[PageWord]:
        words = reader(pixels, dpi)
        read.append(" ".join(word.text for word in words))
        return words

    try:
        released = release_choice(pages, profile, choice, datetime.now(UTC), remembered)
    except (ResidueFound, PageNotRead):
        return Counter({"refused": 1})
    gone = [
        Known(one.page - first + 1, one.category, one.text, one.box)
        for one in found
        if first <= one.page <= last
    ]
    # Without a hit there was nothing to prove and nothing was recognised.
    left = residues(
        released.content, pages, gone, file.impersonal,
        lambda number: read[number - 1] if read else "",
    )  # fmt: skip
    return Counter(
        {"released": 1, "with_residue": bool(left), "residues": len(left), "gone": len(gone)}
    )


def _moved(hit: PiiHit, pages: int) -> PiiHit:
    return PiiHit(
        hit.page - pages, hit.category, hit.text, hit.reason, hit.boxes, hit.words, hit.role
    )


def known_files(seed: int, quality: str, engines: Engines | None) -> Iterator[KnownFile]:
    """Yield the files of a stream with what is known of them.

    Args:
        seed: Of the stream.
        quality: How strongly its pages are spoilt.
        engines: What reads the pages; None takes the words as they were drawn.
    """
    stream = iter_batch(seed, files=_FILES_PER_STREAM, quality=quality, dpi=DPI)  # type: ignore[arg-type]
    for _, scans in groupby(stream, key=lambda one: one.truth.file):
        yield _known_file(list(scans), engines)


def _known_file(scans: Sequence[ScannedPage], engines: Engines | None) -> KnownFile:
    pages: list[ArchivePage] = []
    personal: list[Known] = []
    handwriting = []
    documents: dict[int, list[int]] = {}
    impersonal: list[str] = []
    for number, scan in enumerate(scans, 1):
        truth = scan.truth
        turns, size = truth.rotation_deg // 90, (truth.width_px, truth.height_px)
        pages.append(_read(scan, engines) if engines else _drawn(scan))
        personal += [
            Known(number, one.name, one.raw, turned_box(one.box, turns, *size))
            for one in truth.personal
        ]
        handwriting += [
            (number, turned_box(box, turns, *size))
            for kind, box in truth.areas
            if kind in ("signature", "handwriting")
        ]
        documents.setdefault(truth.document, []).append(number)
        theirs = {one.line for one in truth.personal}
        impersonal += [one.text for at, one in enumerate(truth.lines) if at not in theirs]
    spans = tuple((one[0], one[-1]) for one in documents.values())
    return KnownFile(tuple(pages), tuple(personal), tuple(handwriting), spans, tuple(impersonal))


def _drawn(scan: ScannedPage) -> ArchivePage:
    truth = scan.truth
    turns, size = truth.rotation_deg // 90, (truth.width_px, truth.height_px)
    lines = tuple(
        tuple(PageWord(text, turned_box(box, turns, *size)) for text, box in line.words)
        for line in truth.lines
        if line.words
    )
    return ArchivePage(turned_image(scan.image, turns), float(truth.dpi), lines)


def _read(scan: ScannedPage, engines: Engines) -> ArchivePage:
    reading = read_page(bare_page(scan.image, float(scan.truth.dpi)), engines)
    return upright_page(scan.image, reading)


def _proof_reader() -> PageReader:
    """Return a reader of cleaned pages by Tesseract alone; the proof by all engines costs more."""
    tesseract = find_tesseract()
    if tesseract is None:
        raise SystemExit(
            "Tesseract fehlt: Ohne Texterkennung kann die Entfernung nicht geprüft werden."
        )

    def read(pixels: NDArray[np.uint8], dpi: float) -> list[PageWord]:
        del dpi
        gray = pixels[:, :, 1] if pixels.ndim == 3 else pixels
        begin = time.monotonic()
        text = tesseract.read_page(ink_alone(clean_page(np.ascontiguousarray(gray))))
        if not text and time.monotonic() - begin >= TIMEOUT_S:
            raise PageNotRead
        return words_alone(text)

    return read


def ink_alone(clean: CleanPage) -> NDArray[np.uint8]:
    """Return a page whose paper is white, so that its grain is not read as letters.

    Tesseract chooses its own threshold: on empty or worn pages it took the grain of the paper for
    ink, ran into its time limit and read nothing at all.

    Args:
        clean: A cleaned page.
    """
    return np.where(clean.image < clean.ink_threshold, clean.image, np.uint8(WHITE))


def _figures(parts: Sequence[Json], options: argparse.Namespace, beside: str) -> list[Json]:
    """Return the figures of measured streams, in the form of the app's other figures."""
    if not parts:
        return []
    counts, outcome = Counts(), Counter[str]()
    for part in parts:
        counts.add(Counts(**{name: Counter(one) for name, one in part["counts"].items()}))
        outcome += Counter(part["outcome"])
    rows = []
    for category in ("", *sorted(counts.known)):
        named = f", {category}" if category else ""
        known, found, hits, right = (
            one[category] if category else sum(one.values())
            for one in (counts.known, counts.found, counts.hits, counts.right)
        )
        rows.append(
            (f"Personenangaben gefunden{named}", f"Personal data found{named}", found, known)
        )
        rows.append((f"Treffer zu Recht{named}", f"Hits that are right{named}", right, hits))
    documents = outcome["released"] + outcome["refused"]
    rows.append(
        ("Dokumente mit Resten nach der Schwärzung", "Documents with residues after redaction",
         outcome["with_residue"], outcome["released"])
    )  # fmt: skip
    rows.append(
        ("Dokumente, die der Nachweis zurückhielt", "Documents that the proof held back",
         outcome["refused"], documents)
    )  # fmt: skip
    pages = sum(part["pages"] for part in parts)
    about = {
        "data": f"{pages} Seiten in {outcome['documents']} Dokumenten unbekannter Gestaltung",
        "data_en": f"{pages} pages in {outcome['documents']} documents of unseen layout",
        "command": COMMAND,
        "seeds": [parts[0]["seed"], parts[-1]["seed"]],
        "measured_on": options.date.isoformat(),
    }
    return [_share(name + beside, name_en + (", recognised text" if beside else ""), right, total)
            | about for name, name_en, right, total in rows if total]  # fmt: skip


def _share(name: str, name_en: str, right: int, total: int) -> Json:
    ends = wilson_interval(right, total) or ()
    return {
        "name": name, "name_en": name_en, "value": round(right / total, 4), "unit": "percent",
        "digits": 1, "interval_95": [round(end, 4) for end in ends] or None, "items": total,
    }  # fmt: skip


def _program_hash() -> str:
    """Return a hash of what decides the outcome: finding, removing, proving, measuring."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in _DECIDING:
        digest.update((_PROGRAM / "redaction" / name).read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
