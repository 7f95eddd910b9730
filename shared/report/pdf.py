"""A report as an accessible PDF: tagged, with title, language, bookmarks and embedded font."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from PIL import ImageFile

from shared.contracts.provenance import Provenance
from shared.errors import PdfLibraryMissing, TemplateFaulty
from shared.i18n.translator import get_translator
from shared.report.document import Report
from shared.report.pdf_assets import Asset, register_assets
from shared.report.pdf_view import template_values
from shared.store.provenance_files import xmp_description
from shared.themes.theme import Theme, load_theme

if TYPE_CHECKING:
    import pydyf
    from weasyprint.urls import URLFetcher

TEMPLATES = Path(__file__).resolve().parent / "templates"
VARIANT = "pdf/ua-1"


@dataclass(frozen=True, slots=True)
class PdfFile:
    """A finished PDF.

    Args:
        content: All bytes.
        pages: Number of pages.
    """

    content: bytes
    pages: int


def render_pdf(report: Report, theme: Theme | None = None) -> PdfFile:
    """Return the report as PDF; the same report gives the same bytes on the same machine.

    Nothing but the report's own pictures, the logo and the fonts can be loaded.

    Args:
        report: The report; its `created_at` is the only clock.
        theme: Whose logo stands in the header; None takes the default one.

    Raises:
        PdfLibraryMissing: Pango is not installed.
        TemplateFaulty: A template cannot be read or names something that is not registered.
    """
    weasyprint = _weasyprint()
    try:
        markup, style, assets = _filled(report, theme or load_theme("default"))
        return _laid_out(weasyprint, report, markup, style, assets)
    except (TemplateError, OSError, weasyprint.urls.FatalURLFetchingError) as cause:
        raise TemplateFaulty() from cause


def _filled(report: Report, theme: Theme) -> tuple[str, str, dict[str, Asset]]:
    t = get_translator(report.language)
    assets = register_assets(report, theme, t("Beispieldaten"))
    markup = _environment().get_template("report.html").render(template_values(report, t))
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    if report.is_example:
        style += (TEMPLATES / "watermark.css").read_text(encoding="utf-8")
    return markup, style, assets


def _laid_out(
    weasyprint: ModuleType, report: Report, markup: str, style: str, assets: Mapping[str, Asset]
) -> PdfFile:
    fetcher = _fetcher(assets)
    font_config = weasyprint.text.fonts.FontConfiguration()
    sheet = weasyprint.CSS(string=style, url_fetcher=fetcher, font_config=font_config)
    document = weasyprint.HTML(string=markup, url_fetcher=fetcher).render(
        font_config=font_config, stylesheets=[sheet], pdf_variant=VARIANT
    )
    identifier = hashlib.sha256((markup + style).encode("utf-8", "replace")).hexdigest()[:32]
    content = document.write_pdf(
        pdf_variant=VARIANT,
        pdf_identifier=identifier.encode(),
        finisher=lambda _, pdf: _finish(pdf, report.provenance),
    )
    return PdfFile(content, len(document.pages))


def _weasyprint() -> ModuleType:
    """Import the library late: it is slow, and without Pango it cannot be imported at all."""
    try:
        with warnings.catch_warnings():
            # It warns where libharfbuzz-subset is missing (there is another way to subset fonts)
            # and where the machine has no fonts (the report brings its own).
            warnings.simplefilter("ignore")
            weasyprint = import_module("weasyprint")
            import_module("weasyprint.text.fonts")
    except OSError as cause:
        raise PdfLibraryMissing() from cause
    # It lets Pillow accept images that break off, everywhere in this process; a report's pictures
    # were checked, and other images must not slip through.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return weasyprint


def _fetcher(assets: Mapping[str, Asset]) -> URLFetcher:
    """Return what loads registered pieces; any other address stops the rendering."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    def fetch(url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        asset = assets.get(url)
        if asset is None:
            message = f"not registered: {url[:200]!r}"
            raise ValueError(message)
        return URLFetcherResponse(url, asset.content, {"Content-Type": asset.media_type})

    fetcher = URLFetcher(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
    fetcher.fetch = fetch  # the way through which the library asks for everything
    return fetcher


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finish(pdf: pydyf.PDF, provenance: Provenance) -> None:
    """Add what the library leaves out: origin, scope of headings, index of their names."""
    import pydyf

    identified: dict[str, bytes] = {}
    for one in pdf.objects:
        if isinstance(one, pydyf.Stream) and one.extra.get("Type") == "/Metadata":
            packet = one.stream[0]
            end = b"</rdf:RDF>"
            one.stream = [packet.replace(end, xmp_description(provenance) + end, 1)]
            one.compress = False  # readable for programs that know XMP but no PDF
        elif isinstance(one, pydyf.Dictionary) and one.get("S") == "/TH" and "ID" in one:
            one["A"]["Scope"] = _scope(pdf, one)
            identified[one["ID"].string] = one.reference
    root = next(
        one
        for one in pdf.objects
        if isinstance(one, pydyf.Dictionary) and one.get("Type") == "/StructTreeRoot"
    )
    names = pydyf.Array()
    for name in sorted(identified):
        names += [pydyf.String(name), identified[name]]
    if names:
        root["IDTree"] = pydyf.Dictionary({"Names": names})


def _scope(pdf: pydyf.PDF, heading: pydyf.Dictionary) -> str:
    row = _object(pdf, heading["P"])
    return "/Column" if _object(pdf, row["P"])["S"] == "/THead" else "/Row"


def _object(pdf: pydyf.PDF, reference: bytes) -> Any:  # noqa: ANN401  # the library has no types
    return pdf.objects[int(reference.split()[0])]
