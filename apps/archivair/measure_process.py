"""Measure `process`: time, memory, soundness of the archive files (`python -m ...measure_process`).

    python -m apps.archivair.measure_process --pages 40 --batches 3
    python -m apps.archivair.measure_process --pages 40 --batches 3 --true-text

Invented batches are drawn, given to the command as any other batch, and its results are opened with
other programs than those that wrote them. The figures are printed as JSON, times as well as what is
wrong; nothing is stored. With `--true-text` nothing is read: the pages carry their true words, and
the time is that of the export alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pdfplumber
import pikepdf
from PIL import Image

from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.batch.contents import Batch, BatchInput, Document, decode_batch
from apps.archivair.batch.document_files import DOCUMENTS, PAGES
from apps.archivair.batch.result_folder import publish
from apps.archivair.batch.stream import STREAM_NAME, encode_stream, make_stream
from apps.archivair.export_job import EXPORT, export_parameters
from apps.archivair.kept_page import KeptPage
from apps.archivair.pages import PageIdentity, page_stem
from apps.archivair.process_command import AT_ONCE
from apps.archivair.results_zip import READINGS_NAME, ReadingsWriter
from apps.archivair.true_readings import true_page
from shared.command_line import GermanParser
from shared.demo_city import ScannedPage, iter_batch
from shared.jobs.inline import InlineFile, run_inline
from shared.settings import REPOSITORY

FIRST_SEED = 95_500
SEEDS_PER_BATCH = 10
FILES_PER_SEED = 3
JPEG_QUALITY = 85
_KIB_PER_MIB = 1024


@dataclass
class Figures:
    """What was measured over all batches.

    Args:
        batches: Number of batches.
        pages: Their pages.
        seconds: Wall-clock time of the command.
        cpu_seconds: Processor time of the command and its model server.
        peak_mib: Most memory that one of the processes held, MiB.
        documents: Documents that were written.
        faults: Rules of PDF/A-3b that are broken, by file.
        texts_in_order: Pages whose text equals that of the TXT, read in the order of the file.
        texts_by_place: The same, read in the order of places.
        texts: Pages whose text was compared.
        attachments: Attachments that open and equal the files beside the documents.
        attachments_wrong: Attachments that do not.
    """

    batches: int = 0
    pages: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    documents: int = 0
    faults: list[str] = field(default_factory=list)
    texts_in_order: int = 0
    texts_by_place: int = 0
    texts: int = 0
    attachments: int = 0
    attachments_wrong: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = GermanParser(prog="python -m apps.archivair.measure_process", description=__doc__)
    parser.add_argument("--pages", type=int, default=40, help="Seiten je Stapel")
    parser.add_argument("--batches", type=int, default=1, help="Zahl der Stapel")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="erster Startwert")
    parser.add_argument("--true-text", action="store_true", help="ohne Lesung, mit wahrem Text")
    options = parser.parse_args(arguments)
    figures = Figures()
    for number in range(options.batches):
        with TemporaryDirectory(prefix="urbanki-") as folder:
            path = Path(folder) / "stapel.pdf"
            kept = draw_batch(path, options.seed + number * SEEDS_PER_BATCH, options.pages)
            if options.true_text:
                run_export(path, kept, Path(folder) / "out", figures)
            else:
                run_process(path, Path(folder) / "out", figures)
            check_results(Path(folder) / "out", figures)
    told = asdict(figures) | {"seconds_per_page": round(figures.seconds / figures.pages, 2)}
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    return 0


def draw_batch(path: Path, seed: int, pages: int) -> dict[int, KeptPage]:
    """Write a PDF of invented building files of the test split.

    Args:
        path: Where to.
        seed: First seed.
        pages: Number of pages.

    Returns:
        The pages with their true words by number.
    """
    kept: dict[int, KeptPage] = {}
    seeds = range(seed, seed + SEEDS_PER_BATCH)
    drawn = chain.from_iterable(iter_batch(one, files=FILES_PER_SEED) for one in seeds)
    with pikepdf.new() as pdf:
        for number, page in enumerate(islice(drawn, pages), 1):
            stem = page_stem(path.stem, number, pages)
            kept[number] = true_page(page, PageIdentity(stem, path.name, "", number, pages))
            with pikepdf.open(io.BytesIO(_as_pdf(page))) as one:
                pdf.pages.extend(one.pages)
        pdf.save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        number: replace(page, identity=replace(page.identity, sha256=sha256))
        for number, page in kept.items()
    }


def run_export(path: Path, kept: dict[int, KeptPage], out: Path, figures: Figures) -> None:
    """Export pages with their true words in this process and add what it took.

    Args:
        path: The batch.
        kept: Its pages.
        out: Result folder.
        figures: Are added to.
    """
    start, cpu = time.monotonic(), time.process_time()
    first = kept[1].identity
    stream = make_stream(kept, (BatchInput(first.file_name, first.sha256, first.pages),))
    stream_path, readings_path = path.with_name(STREAM_NAME), path.with_name(READINGS_NAME)
    stream_path.write_bytes(encode_stream(stream))
    with readings_path.open("wb") as target, ReadingsWriter(target) as writer:
        for number, page in kept.items():
            writer.add(number, page)
    inputs = [InlineFile(one, one.name, "") for one in (path, stream_path, readings_path)]
    parameters = export_parameters([], datetime.now(UTC), "Messung")
    with run_inline(EXPORT, inputs, parameters, units_at_once=AT_ONCE) as written:
        publish(out, io.BytesIO(written.read(written.summary.files[0])))
    figures.seconds = round(figures.seconds + time.monotonic() - start, 2)
    figures.cpu_seconds = round(figures.cpu_seconds + time.process_time() - cpu, 2)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures.peak_mib = max(figures.peak_mib, round(own / _KIB_PER_MIB, 1))
    figures.batches += 1
    figures.pages += len(kept)


def run_process(path: Path, out: Path, figures: Figures) -> None:
    """Run the command in a process of its own and add what it took.

    Args:
        path: The batch.
        out: Result folder.
        figures: Are added to.

    Raises:
        CalledProcessError: The command failed.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    words = [sys.executable, "-m", "apps.archivair", "process", str(path), "--out", str(out)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd=REPOSITORY)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures.seconds = round(figures.seconds + time.monotonic() - start, 2)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures.cpu_seconds = round(figures.cpu_seconds + cpu, 2)
    figures.peak_mib = max(figures.peak_mib, round(after.ru_maxrss / _KIB_PER_MIB, 1))
    figures.batches += 1
    figures.pages += json.loads(done.stdout)["pages"]


def check_results(out: Path, figures: Figures) -> None:
    """Open all documents of a result folder and compare them with the files beside them.

    Args:
        out: Result folder of `process`.
        figures: Are added to.
    """
    batch = decode_batch((out / "batch.json").read_bytes())
    for document in batch.documents:
        content = (out / DOCUMENTS / f"{document.name}.pdf").read_bytes()
        figures.documents += 1
        figures.faults += [f"{document.name}: {fault.rule}" for fault in check_pdfa(content)]
        _compare_texts(content, _stems(batch, document), out, figures)
        _compare_attachments(content, document, _stems(batch, document), out, figures)


def _stems(batch: Batch, document: Document) -> list[str]:
    return [page.stem for page in batch.pages if page.document == document.document]


def _compare_texts(content: bytes, stems: Sequence[str], out: Path, figures: Figures) -> None:
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        for page, stem in zip(pdf.pages, stems, strict=True):
            text = out / PAGES / f"{stem}.txt"
            if not text.is_file():
                continue
            words = text.read_text(encoding="utf-8").split()
            figures.texts += 1
            in_order = page.extract_text(use_text_flow=True) or ""
            figures.texts_in_order += in_order.split() == words
            figures.texts_by_place += (page.extract_text() or "").split() == words


def _compare_attachments(
    content: bytes, document: Document, stems: Sequence[str], out: Path, figures: Figures
) -> None:
    beside = {(out / DOCUMENTS / f"{document.name}.json").read_bytes()}
    for stem in stems:
        alto = out / PAGES / f"{stem}.alto.xml"
        beside |= {alto.read_bytes()} if alto.is_file() else set()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        attached = [one.get_file().read_bytes() for one in pdf.attachments.values()]
    right = sum(one in beside for one in attached)
    figures.attachments += right
    figures.attachments_wrong += len(attached) - right + len(beside - set(attached))


def _as_pdf(page: ScannedPage) -> bytes:
    target = io.BytesIO()
    dpi = float(page.truth.dpi)
    Image.fromarray(page.image).save(target, "PDF", resolution=dpi, quality=JPEG_QUALITY)
    return target.getvalue()


if __name__ == "__main__":
    sys.exit(main())
