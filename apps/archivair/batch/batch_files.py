"""The files of a whole batch beside those of its documents: list of fields, manifest, note."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.archivair.archive_files.manifest import FileSum, InputPage, manifest_json
from apps.archivair.archive_files.transfer_note import TransferFacts, transfer_note
from apps.archivair.batch.contents import Batch, encode_batch
from apps.archivair.batch.document_files import title_of
from apps.archivair.review import sample_pages
from shared.report.csv_out import write_csv

BATCH_NAME, FIELDS_NAME = "batch.json", "fields.csv"
MANIFEST_NAME, NOTE_NAME = "manifest.json", "transfervermerk.pdf"
DEVICE_UNKNOWN = "nicht angegeben"
_HEADINGS = (
    "akte",
    "dokument",
    "klasse",
    "titel",
    "erste_seite",
    "letzte_seite",
    "feld",
    "wert",
    "gelesen",
    "seite",
    "links_px",
    "oben_px",
    "rechts_px",
    "unten_px",
    "sicherheit",
    "regel",
)


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """What the files say about their making.

    Args:
        moment: Moment of writing with its zone.
        role: Role of the person who ran the work, never a name.
        device: Scanner, or that it is not known.
    """

    moment: datetime
    role: str
    device: str = DEVICE_UNKNOWN


def write_batch_files(
    batch: Batch,
    sums: dict[str, FileSum],
    pages: Sequence[InputPage],
    remarks: Sequence[str],
    facts: ExportFacts,
) -> dict[str, bytes]:
    """Return batch.json, fields.csv, manifest.json and transfervermerk.pdf.

    The manifest names all files but itself and the note, for the note names the manifest.

    Args:
        batch: The batch.
        sums: Size and hash of the files of its documents by their place.
        pages: All input pages in order.
        remarks: Findings of the scan check, each a German sentence.
        facts: What the files say about their making.
    """
    files = {BATCH_NAME: encode_batch(batch), FIELDS_NAME: fields_csv(batch)}
    all_sums = sums | {name: sum_of(content) for name, content in files.items()}
    manifest = manifest_json(pages, all_sums, written=facts.moment, role=facts.role)
    note = TransferFacts(
        batch=batch.inputs[0].file,
        device=facts.device,
        role=facts.role,
        written=facts.moment,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        sample=tuple(sample_pages(batch.inputs, len(batch.pages))),
        remarks=tuple(remarks),
    )
    return {**files, MANIFEST_NAME: manifest, NOTE_NAME: transfer_note(pages, note)}


def fields_csv(batch: Batch) -> bytes:
    """Return all fields, one per row, for spreadsheets: semicolons and UTF-8 mark.

    Args:
        batch: The batch.
    """
    file_of = {
        number: place for place, file in enumerate(batch.files, 1) for number in file.documents
    }
    rows = [
        (
            file_of.get(document.document),
            document.document,
            document.document_class,
            title_of(document),
            document.first_page,
            document.last_page,
            one.name,
            one.value,
            one.raw,
            one.page,
            *(round(side) for side in one.bbox_px),
            one.confidence,
            one.rule,
        )
        for document in batch.documents
        for one in document.fields
    ]
    return write_csv(_HEADINGS, rows)


def sum_of(content: bytes) -> FileSum:
    """Return size and hash of a file.

    Args:
        content: Its bytes.
    """
    return FileSum(len(content), hashlib.sha256(content).hexdigest())
