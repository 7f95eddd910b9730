"""Open pictures of one text line each: PNG, JPEG, TIFF and WebP, guarded and bounded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from apps.archivair.clean import WHITE, Gray
from apps.archivair.errors import LineTooSmall, NoLineImages, PageTooLarge, StemTaken
from apps.archivair.raster_pages import BROKEN_FILE, to_eight_bits, to_gray
from shared.errors import DamagedImage, EmptyFile, FileMissing, FileTypeRefused

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
ALLOWED = "PNG, JPG, TIFF, WebP"
MIN_HEIGHT_PX, MIN_WIDTH_PX = 8, 4
MOST_MEGAPIXELS = 50
LONGEST_HEIGHTS = 60
_SEARCH_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class LineFile:
    """A file that should be a picture of a line.

    Args:
        path: Where it lies.
    """

    path: Path

    @property
    def stem(self) -> str:
        """Name without ending."""
        return self.path.stem


def list_lines(folder: Path) -> list[LineFile]:
    """Return the files of a folder by name; hidden ones and folders do not count.

    Args:
        folder: Folder with pictures.

    Raises:
        FileMissing: There is no such folder, or it may not be read.
        NoLineImages: It holds no file.
        StemTaken: Two pictures would write the same file.
    """
    try:
        paths = sorted(
            path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
        )
    except OSError as cause:
        raise FileMissing(name=folder.name) from cause
    if not paths:
        raise NoLineImages(name=folder.name)
    taken: set[str] = set()
    for path in paths:
        if path.suffix.lower() not in FORMATS:
            continue
        if path.stem in taken:
            raise StemTaken(stem=path.stem)
        taken.add(path.stem)
    return [LineFile(path) for path in paths]


def open_line(path: Path) -> Gray:
    """Decode the picture of a line.

    Args:
        path: File.

    Returns:
        Grey picture, 0 black to 255 white.

    Raises:
        ItemError: It is no picture, damaged, empty, too small to hold a line or too large.
    """
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise FileTypeRefused(allowed=ALLOWED)
    try:
        if not path.stat().st_size:
            raise EmptyFile()
        return _decode(path, file_format)
    except Image.DecompressionBombError as cause:
        raise PageTooLarge(megapixels="> 178", limit=MOST_MEGAPIXELS) from cause
    except BROKEN_FILE as cause:
        raise DamagedImage() from cause


def _decode(path: Path, file_format: str) -> Gray:
    with warnings.catch_warnings():
        # Own limits of pixels; damaged metadata of a readable picture concern nobody.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        image = Image.open(path, formats=[file_format])
    with image:
        megapixels = image.width * image.height / 1e6
        if megapixels > MOST_MEGAPIXELS:
            raise PageTooLarge(megapixels=round(megapixels), limit=MOST_MEGAPIXELS)
        upright = ImageOps.exif_transpose(image)
        if upright.height < MIN_HEIGHT_PX or upright.width < MIN_WIDTH_PX:
            raise LineTooSmall(width=upright.width, height=upright.height)
        pixels, _ = to_eight_bits(upright)
    return to_gray(pixels)


def cut_long(line: Gray) -> list[Gray]:
    """Cut a line that is longer than 60 times its height at white gaps.

    Args:
        line: Grey picture of one line.

    Returns:
        Parts from left to right; the line itself when it is short enough.
    """
    height, width = line.shape
    longest = LONGEST_HEIGHTS * height
    if width <= longest:
        return [line]
    count = -(-width // longest)
    # Where the smoothed column of a line is brightest, no letter stands.
    columns = cv2.blur(line.astype(np.float32).mean(axis=0)[None, :], (max(3, height // 2), 1))[0]
    cuts = [0]
    for number in range(1, count):
        expected = width * number / count
        reach = width / count * _SEARCH_SHARE
        low, high = int(expected - reach), int(expected + reach)
        cuts.append(low + int(np.argmax(columns[low:high])))
    cuts.append(width)
    return _between(line, cuts)


def _between(line: Gray, cuts: Sequence[int]) -> list[Gray]:
    margin = np.full((line.shape[0], line.shape[0] // 3), WHITE, dtype=np.uint8)
    return [np.hstack([margin, line[:, start:end], margin]) for start, end in pairwise(cuts)]
