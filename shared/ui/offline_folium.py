"""folium's elements with links to the vendored files instead of foreign hosts.

The links are relative to streamlit-folium's frame, so they also work below a base path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import folium
from folium.plugins import Draw, Fullscreen, MarkerCluster

from shared.i18n import Language

VENDOR_URL = "../shared.ui.maps.urbanki_vendor"
DRAW_TOOLS = ("rectangle", "polygon", "marker", "polyline", "circle", "circlemarker")


def offline_map(language: Language, options: Mapping[str, object]) -> folium.Map:
    """Return a Leaflet map.

    The cluster plugin is always there, because shapes that come later cannot bring scripts of
    their own. Popups are not used: folium's would need jQuery, and a click selects a table row.

    Args:
        language: Language of the controls.
        options: Arguments of `folium.Map`.
    """
    result = folium.Map(tiles=None, **options)
    result.default_js = _links(
        "leaflet/leaflet.js",
        f"frame.js?sprache={language}",
        "markercluster/leaflet.markercluster.js",
    )
    result.default_css = _links(
        "leaflet/leaflet.css",
        "markercluster/MarkerCluster.css",
        "markercluster/MarkerCluster.Default.css",
    )
    return result


def offline_fullscreen(title: str, title_cancel: str) -> Fullscreen:
    """Return the button for the full screen.

    Args:
        title: Translated label of the button.
        title_cancel: Translated label while the map fills the screen.
    """
    result = Fullscreen(title=title, title_cancel=title_cancel)
    result.default_js = _links("fullscreen/Control.FullScreen.js")
    result.default_css = _links("fullscreen/Control.FullScreen.css")
    return result


def offline_cluster() -> MarkerCluster:
    """Return a layer whose markers merge when they lie close together."""
    result = MarkerCluster()
    result.default_js = []
    result.default_css = []
    return result


def offline_draw(tools: Collection[str]) -> Draw:
    """Return the tools for drawing.

    Args:
        tools: Names of the tools to offer.
    """
    result = Draw(
        draw_options={tool: tool in tools for tool in DRAW_TOOLS}, show_geometry_on_click=False
    )
    result.default_js = _links("leaflet-draw/leaflet.draw.js", "draw_labels.js")
    result.default_css = _links("leaflet-draw/leaflet.draw.css")
    return result


def _links(*paths: str) -> list[tuple[str, str]]:
    return [(path, f"{VENDOR_URL}/{path}") for path in paths]
