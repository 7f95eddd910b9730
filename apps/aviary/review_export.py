"""Reviewed objects as training data: COCO and YOLO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from shapely import Polygon

from apps.aviary.finds.joining import FoundObject
from apps.aviary.recipes import Recipe
from apps.aviary.review import ACCEPTED, REJECTED, UNCLEAR, count_progress, object_key
from shared.contracts.provenance import Provenance
from shared.geo.raster import RasterInfo
from shared.report.csv_out import pack
from shared.store.provenance_files import embed_in_json
from shared.store.provenance_text import to_dict

PIXEL_DIGITS = 2
SHARE_DIGITS = 6
# https://cocodataset.org/#format-data and https://docs.ultralytics.com/datasets/segment/
COCO, YOLO = "COCO object detection", "YOLO segmentation"
ABOUT = """Geprüfte Funde im Format YOLO (Segmentierung), eine Zeile je angenommenem Fund.
Abgelehnte und unklare Funde stehen nicht darin, Löcher in Umrissen auch nicht.
Gesichtet sind {checked} von {objects} Funden; was niemand gesichtet hat, fehlt.
Das Bild „{image}“ legen Sie selbst in den Ordner images.
Die Herkunft steht in herkunft.json.
"""

Json = dict[str, Any]


def to_coco(
    info: RasterInfo,
    recipe: Recipe,
    objects: Sequence[FoundObject],
    verdicts: Mapping[str, str],
    origin: Provenance,
) -> bytes:
    """Write reviewed objects as COCO; annotations are the accepted ones.

    Rejected and unclear ones stand in members of their own, which readers of COCO skip: an object
    that is none must not become a label. COCO's polygons have no holes; the area has none either.

    Args:
        info: The image.
        recipe: What was looked for.
        objects: What was found with the settings in force.
        verdicts: What was decided, by `object_key`.
        origin: Where the objects come from.

    Returns:
        JSON, the same bytes for the same input.
    """
    said = count_progress([object_key(one) for one in objects], verdicts)
    entries: dict[str, list[Json]] = {ACCEPTED: [], REJECTED: [], UNCLEAR: []}
    numbers = _numbers(recipe, objects)
    for one in objects:
        verdict = verdicts.get(object_key(one))
        if verdict is not None:
            entries[verdict].append(_annotation(one, numbers))
    content = {
        "info": {
            "description": f"{recipe.title_de}: {info.name}",
            "format": COCO,
            "found": said.objects,
            "reviewed": said.checked,
        },
        "licenses": [],
        "images": [{"id": 1, "file_name": info.name, "width": info.width, "height": info.height}],
        "categories": [{"id": number + 1, "name": key} for key, number in numbers.items()],
        "annotations": entries[ACCEPTED],
        "rejected": entries[REJECTED],
        "unclear": entries[UNCLEAR],
    }
    text = json.dumps(embed_in_json(content, origin), ensure_ascii=False, indent=1)
    return text.encode() + b"\n"


def to_yolo(
    info: RasterInfo,
    recipe: Recipe,
    objects: Sequence[FoundObject],
    verdicts: Mapping[str, str],
    origin: Provenance,
) -> bytes:
    """Write accepted objects as labels of YOLO in a ZIP file; arguments are those of `to_coco`.

    Returns:
        ZIP, the same bytes for the same input.
    """
    said = count_progress([object_key(one) for one in objects], verdicts)
    numbers = _numbers(recipe, objects)
    lines = [
        _label(one, numbers, info) for one in objects if verdicts.get(object_key(one)) == ACCEPTED
    ]
    # YAML takes JSON's quoted texts; a bare no, on or null would be read as something else.
    names = "".join(
        f"  {number}: {json.dumps(key, ensure_ascii=False)}\n" for key, number in numbers.items()
    )
    about = ABOUT.format(checked=said.checked, objects=said.objects, image=info.name)
    files = {
        "LIESMICH.txt": about,
        "data.yaml": f"# {YOLO}\ntrain: images\nval: images\nnames:\n{names}",
        f"labels/{PurePath(info.name).stem}.txt": "".join(lines),
        "herkunft.json": json.dumps(to_dict(origin), ensure_ascii=False, indent=1) + "\n",
    }
    return pack({name: text.encode() for name, text in files.items()}, origin.created_at)


def _numbers(recipe: Recipe, objects: Sequence[FoundObject]) -> dict[str, int]:
    """Number the classes of the recipe from 0, then those that only the model names."""
    keys = [one.key for one in recipe.classes]
    keys += sorted({one.class_key for one in objects} - set(keys))
    return {key: number for number, key in enumerate(keys)}


def _annotation(one: FoundObject, numbers: Mapping[str, int]) -> Json:
    outline = Polygon(one.polygon.exterior)
    left, upper, right, lower = outline.bounds
    corners = [round(number, PIXEL_DIGITS) for point in _corners(outline) for number in point]
    edges = (left, upper, right - left, lower - upper)
    return {
        "id": one.object_id,
        "image_id": 1,
        "category_id": numbers[one.class_key] + 1,
        "segmentation": [corners],
        "area": round(outline.area, PIXEL_DIGITS),
        "bbox": [round(number, PIXEL_DIGITS) for number in edges],
        "iscrowd": 0,
        "score": round(one.score, 4),
        "key": object_key(one),
    }


def _label(one: FoundObject, numbers: Mapping[str, int], info: RasterInfo) -> str:
    shares = [
        f"{min(1.0, max(0.0, number / size)):.{SHARE_DIGITS}f}"
        for point in _corners(one.polygon)
        for number, size in zip(point, (info.width, info.height), strict=True)
    ]
    return f"{numbers[one.class_key]} {' '.join(shares)}\n"


def _corners(polygon: Polygon) -> list[tuple[float, float]]:
    """Return the corners of an outline; the first one does not stand at the end again."""
    return [(x, y) for x, y in polygon.exterior.coords][:-1]
