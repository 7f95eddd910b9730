"""Twelve scenes on one picture with their seeds, to look at; it never belongs into a repository."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.scenes.files import SceneOrder, check_seeds
from shared.demo_city.scenes.scene import Scene, render_scene
from shared.errors import InputError
from shared.store.local_files import whole_file

SHEET_SCENES: Final = 12
COLUMNS: Final = 4
CAPTION_PX: Final = 26
TILE_PX: Final = 480
ENDINGS: Final = (".png", ".jpg")


def write_contact_sheet(order: SceneOrder) -> dict[str, Any]:
    """Render twelve scenes and write them as one picture.

    Args:
        order: The scenes; `out` is the file, PNG or JPEG.

    Returns:
        File and seeds.

    Raises:
        InputError: The file is neither PNG nor JPEG, or the seeds do not belong to the split.
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    if order.out.suffix.lower() not in ENDINGS:
        raise InputError(reason="Das Blatt wird als .png oder .jpg geschrieben.")
    order = replace(order, count=SHEET_SCENES)
    check_seeds(order)
    order.out.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(order.first, order.first + SHEET_SCENES)
    tiles = [_tile(render_scene(order.scene(seed))) for seed in seeds]
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, SHEET_SCENES, COLUMNS)]
    _, content = cv2.imencode(order.out.suffix.lower(), np.vstack(rows)[..., ::-1])
    with whole_file(order.out) as draft:
        draft.write_bytes(content.tobytes())
    return {"file": str(order.out), "seeds": [seeds[0], seeds[-1]], "split": order.split}


def _tile(scene: Scene) -> NDArray[np.uint8]:
    draw = scene.draw
    picture = cv2.resize(
        np.ascontiguousarray(scene.window.rgbi[..., :3]), (TILE_PX, TILE_PX),
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    caption = np.full((CAPTION_PX, TILE_PX, 3), 255, np.uint8)
    text = f"{draw.seed} {draw.split} {draw.layout} {draw.gsd_m:.2f} m {draw.view.season}"
    cv2.putText(caption, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([picture, caption])
