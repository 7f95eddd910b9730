"""Take the picture along, and a sheet about it, each with its origin inside."""

from __future__ import annotations

import io
from functools import partial

from PIL import Image

from apps.musterstadt.pictures import TownPicture
from apps.musterstadt.report import Shown, build_report
from apps.musterstadt.town import TownFigures, town_figures
from apps.musterstadt.view_town import Wish, area_title
from apps.musterstadt.words import PICTURES
from shared.contracts.provenance import LOCAL_ZONE, Provenance
from shared.i18n import Translator
from shared.report.pdf import render_pdf
from shared.store.provenance import embed_in_png
from shared.themes import Theme, load_theme
from shared.ui import AppContext, Download, export_bar, file_name


def show_export(
    ctx: AppContext, wish: Wish, picture: TownPicture, origin: Provenance, run_id: str
) -> None:
    """Offer the shown picture.

    Args:
        ctx: Context of the page.
        wish: What is shown.
        picture: The picture.
        origin: Where it comes from.
        run_id: The run that made the images.
    """
    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    t, stem = ctx.t, f"{wish.area.key}-{wish.kind}-{wish.vintage}"
    name = partial(file_name, ctx.manifest.id, stem, day)
    theme = load_theme(ctx.settings.theme)
    shown = Shown(
        area_title(ctx, wish.area),
        t(PICTURES[wish.kind]),
        wish.vintage,
        picture,
        is_map=wish.kind == "map" or picture.ready < 1,
    )
    sheet = partial(sheet_pdf, shown, town_figures(), origin, theme, t)
    image = partial(picture_png, picture, origin)
    export_bar(
        ctx,
        [
            Download(t("Bild (PNG)"), name("png"), "image/png", image),
            Download(t("Blatt (PDF)"), name("pdf"), "application/pdf", sheet),
        ],
        run_id=run_id,
    )


def sheet_pdf(
    shown: Shown, town: TownFigures, origin: Provenance, theme: Theme, t: Translator
) -> bytes:
    """Return a sheet about a picture as PDF.

    Args:
        shown: The picture with its words.
        town: Figures of the whole town.
        origin: Where the picture comes from.
        theme: Names the municipality.
        t: Translator of the app.
    """
    return render_pdf(build_report(shown, town, origin, theme.name, t), theme).content


def picture_png(picture: TownPicture, origin: Provenance) -> bytes:
    """Return a picture as PNG that names its origin.

    Args:
        picture: The picture.
        origin: Where it comes from.
    """
    target = io.BytesIO()
    Image.open(io.BytesIO(picture.jpeg)).save(target, "PNG")
    return embed_in_png(target.getvalue(), origin)
