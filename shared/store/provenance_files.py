"""Write an origin into files: PDF, PNG, GeoPackage, GeoTIFF, JSON, spreadsheets."""

from __future__ import annotations

import io
import sqlite3
import struct
import zlib
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from shared.contracts.provenance import Provenance
from shared.store.provenance_text import SCHEMA, to_dict, to_json

XMP_NAMESPACE = "urn:urbanki:metadata:1.0#"
XMP_PROPERTY = "provenance"
GPKG_STANDARD = f"urn:{SCHEMA.replace('/', ':')}"
TIFF_TAG = "URBANKI_PROVENANCE"
CELL_MARK = "urbanki-provenance"
CELL_CHARACTERS = 30_000
SIDE_FILE_ENDING = "-metadata.json"
"""Where "CSV on the Web" expects what is said about a table."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_END = 33
_PNG_XMP = b"XML:com.adobe.xmp"
_METADATA_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE IF NOT EXISTS gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
  md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml',
  metadata TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
  reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
  CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
"""
_EXTENSION = "http://www.geopackage.org/spec120/#extension_metadata"


def xmp_description(provenance: Provenance | Mapping[str, object]) -> bytes:
    """Return an origin as one RDF description for a packet of XMP metadata.

    Args:
        provenance: Where a result comes from.
    """
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        f'<rdf:Description xmlns:rdf="{rdf}" xmlns:urbanki="{XMP_NAMESPACE}" rdf:about="">'
        f"<urbanki:{XMP_PROPERTY}>{escape(to_json(provenance))}</urbanki:{XMP_PROPERTY}>"
        "</rdf:Description>"
    ).encode("ascii")


def xmp_packet(provenance: Provenance | Mapping[str, object]) -> bytes:
    """Return an origin as a whole packet of XMP metadata.

    Args:
        provenance: Where a result comes from.
    """
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        + rdf
        + xmp_description(provenance)
        + b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
    )


def embed_in_pdf(content: bytes, provenance: Provenance) -> bytes:
    """Return a finished PDF with the origin in its metadata; same input, same bytes.

    Reports of `shared.report.pdf` carry theirs already; this is for PDFs of other makers.

    Args:
        content: A PDF of this program.
        provenance: Where it comes from.

    Raises:
        pikepdf.PdfError: The content is no PDF.
    """
    import pikepdf

    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
            metadata.register_xml_namespace(XMP_NAMESPACE, "urbanki")
            metadata[f"{{{XMP_NAMESPACE}}}{XMP_PROPERTY}"] = to_json(provenance)
        pdf.save(target, deterministic_id=True)
    return target.getvalue()


def embed_in_png(content: bytes, provenance: Provenance | Mapping[str, object]) -> bytes:
    """Return a PNG with the origin as XMP metadata; the pixels are not touched.

    Args:
        content: A PNG of this program.
        provenance: Where it comes from.

    Raises:
        ValueError: The content is no PNG.
    """
    if not content.startswith(PNG_SIGNATURE) or content[12:16] != b"IHDR":
        message = "no PNG"
        raise ValueError(message)
    body = b"iTXt" + _PNG_XMP + b"\0\0\0\0\0" + xmp_packet(provenance)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    rest = _without_xmp(content, _PNG_HEADER_END)
    return content[:_PNG_HEADER_END] + chunk + rest


def _without_xmp(content: bytes, start: int) -> bytes:
    kept, position = [], start
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        chunk = content[position : position + 12 + length]
        if not chunk[4:].startswith(b"iTXt" + _PNG_XMP):
            kept.append(chunk)
        position += len(chunk)
    return b"".join(kept)


def embed_in_gpkg(path: Path, provenance: Provenance) -> None:
    """Write an origin into the metadata table of a GeoPackage.

    Source: OGC GeoPackage 1.2, annex F.8 (metadata extension).

    Args:
        path: A GeoPackage of this program.
        provenance: Where it comes from.

    Raises:
        sqlite3.Error: It is no GeoPackage or cannot be written.
    """
    moment = provenance.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_METADATA_TABLES)
        for table in ("gpkg_metadata", "gpkg_metadata_reference"):
            connection.execute(
                "INSERT INTO gpkg_extensions SELECT ?, NULL, 'gpkg_metadata', ?, 'read-write' "
                "WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = ?)",
                (table, _EXTENSION, table),
            )
        old = "SELECT id FROM gpkg_metadata WHERE md_standard_uri = ?"
        connection.execute(
            f"DELETE FROM gpkg_metadata_reference WHERE md_file_id IN ({old})",  # noqa: S608
            (GPKG_STANDARD,),
        )
        connection.execute("DELETE FROM gpkg_metadata WHERE md_standard_uri = ?", (GPKG_STANDARD,))
        row = connection.execute(
            "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "
            "VALUES ('dataset', ?, 'application/json', ?)",
            (GPKG_STANDARD, to_json(provenance)),
        ).lastrowid
        connection.execute(
            "INSERT INTO gpkg_metadata_reference (reference_scope, timestamp, md_file_id) "
            "VALUES ('geopackage', ?, ?)",
            (moment, row),
        )


def embed_in_json(content: Mapping[str, Any], provenance: Provenance) -> dict[str, Any]:
    """Return a JSON or GeoJSON object with the origin before its long members.

    A reader then finds it without reading the whole file.

    Args:
        content: Members of the object.
        provenance: Where it comes from.
    """
    head = {name: content[name] for name in ("type", "schema") if name in content}
    return {**head, "provenance": to_dict(provenance), **content} | {
        "provenance": to_dict(provenance)
    }


def write_cog(
    source: Path,
    target: Path,
    provenance: Provenance | Mapping[str, object],
    creation: Mapping[str, str | int] | None = None,
) -> None:
    """Write a raster as cloud optimised GeoTIFF whose tags carry the origin.

    A finished one cannot take a tag without losing its order, so this is the last step.

    Args:
        source: A GeoTIFF of this program.
        target: File to write.
        provenance: Where it comes from.
        creation: Options of GDAL's COG driver; None packs without loss.

    Raises:
        rasterio.errors.RasterioError: The source is no raster or the target cannot be written.
    """
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.shutil import copy

    options = creation or {"compress": "DEFLATE"}
    with MemoryFile(ext=".vrt") as memory:
        with rasterio.open(source) as raster:
            copy(raster, memory.name, driver="VRT")
        with rasterio.open(memory.name, "r+") as virtual:
            virtual.update_tags(**{TIFF_TAG: to_json(provenance)})
        copy(memory.name, target, driver="COG", bigtiff="IF_SAFER", **options)


def sheet_cells(provenance: Provenance) -> list[str]:
    """Return an origin as texts that fit into cells of a spreadsheet.

    Cells outlive every spreadsheet program; hidden properties of the file do not.

    Args:
        provenance: Where a result comes from.
    """
    text = to_json(provenance)
    parts = [text[at : at + CELL_CHARACTERS] for at in range(0, len(text), CELL_CHARACTERS)]
    return [f"{CELL_MARK} {at}/{len(parts)} {part}" for at, part in enumerate(parts, start=1)]


def side_file_name(table_name: str) -> str:
    """Return the name of the file that says where a CSV file comes from.

    Source: W3C, Metadata Vocabulary for Tabular Data, section 5.3 (default locations).

    Args:
        table_name: Name of the CSV file.
    """
    return table_name + SIDE_FILE_ENDING
