"""Streams, candidates and kept pages made by hand."""

from __future__ import annotations

from apps.archivair.batch.contents import BatchInput
from apps.archivair.batch.stream import Stream, StreamPage
from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.kept_page import KeptPage
from apps.archivair.pages import PageIdentity
from apps.archivair.quality import BLANK
from shared.contracts.provenance import ModelUse
from tests.apps.archivair.doubles import reading

SHA = "a" * 64
PICTURE = b"\xff\xd8\xff\xe0 a picture"
MODEL = ModelUse("ppocrv6_small", "1.0.0", "b" * 64, "onnx", "cpu")


def chances(name, probability=0.9):
    """Return the probabilities of the classes: one of them, the rest even."""
    ids = class_ids()
    rest = (1 - probability) / (len(ids) - 1)
    return tuple(probability if one == name else rest for one in ids)


def sheet(number, name="schriftverkehr", start=0.02, probability=0.9, **more):
    """Return a page of a stream; without a name it is blank."""
    values = {
        "file": 1,
        "stem": f"akte_p{number:04d}",
        "width": 1000,
        "height": 1400,
        "script": "antiqua",
        "rotation_deg": 0,
        "quality": () if name else ("leer",),
        "is_blank": not name,
        "confidence": 0.98 if name else None,
        "class_chances": chances(name, probability) if name else (0.0,) * len(class_ids()),
        "boundary_chance": 1.0 if number == 1 else start,
    }
    return StreamPage(page=number, **(values | more))


def stream(*pages, candidates=(), inputs=None):
    """Return a stream of one file with these pages."""
    inputs = inputs or (BatchInput("akte.pdf", SHA, len(pages)),)
    models = ({"name": "ppocrv6_small", "version": "1.0.0", "sha256": "b" * 64},)
    return Stream("archivair-stream/1", tuple(inputs), tuple(pages), tuple(candidates), models, 4.0)


def value(page, name, text, **more):
    """Return a value behind a clear label."""
    values = {
        "box": (100.0, 200.0, 300.0, 224.0), "rule": name, "place": "rechts", "likeness": 1.0,
        "label_length": 11, "has_colon": True, "starts_cell": True, "strictness": 0.9,
        "least_confidence": 0.98, "at_home": 0.95, "searched": False,
        "is_shared": name in {"aktenzeichen", "strasse", "hausnummer"},
    }  # fmt: skip
    return Candidate(name=name, value=text, raw=text, page=page, **(values | more))


def kept(blocks, index=1, pages=3, name="akte.pdf", sha256=SHA, **more):
    """Return a page that was read; without blocks it is blank."""
    stem = name.rsplit(".", 1)[0]
    stem = stem if pages == 1 else f"{stem}_p{index:04d}"
    found = {"models": (MODEL,), "findings": () if blocks else (BLANK,)} | more
    return KeptPage(
        PageIdentity(stem, name, sha256, index, pages), reading(blocks, **found), PICTURE
    )
