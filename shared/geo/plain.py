"""JPEG, PNG and WEBP: header first, then one guarded decoding into memory."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    AnimatedImage,
    BandsMissing,
    DamagedImage,
    ImageTooLarge,
    ImageWithoutColour,
    UnsupportedBitDepth,
    UnsupportedImage,
)
from shared.geo.georeference import Georeference, place, read_world_file
from shared.geo.raster import (
    BandNumbers,
    OpenOptions,
    Patch,
    RasterInfo,
    RasterSource,
    first_bytes,
    hash_file,
    shrunk_size,
)
from shared.geo.taken_on import day_of_picture

ORIENTATION_TAG = 0x0112
PNG_BIT_DEPTH_AT = 24
EIGHT_BITS = 8
COLOURS = 3
GREY_MODES = ("1", "L", "LA", "La")
BROKEN_FILE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = Finding("ok", "gedreht", N_("Das Bild wurde so gedreht, wie die Kamera es vermerkt hat."))
_CMYK = Finding(
    "hint",
    "cmyk",
    N_("Das Bild hat Druckfarben (CMYK) und wurde umgerechnet."),
    N_("Farben können abweichen."),
)


class PlainImage(RasterSource):
    """A decoded image in memory."""

    decoded = True

    def __init__(self, image: Image.Image, info: RasterInfo) -> None:
        self._image = image
        self.info = info

    def read(self, x0: int, y0: int, x1: int, y1: int) -> Patch:
        """Cut out a window; the image is complete, so this cannot fail."""
        return _as_patch(self._image.crop((x0, y0, x1, y1)))

    def overview(self, longest_side_px: int) -> Patch:
        """Shrink the whole image by area average."""
        size = shrunk_size(self.info.width, self.info.height, longest_side_px)
        return _as_patch(self._image.resize(size, Image.Resampling.BOX))

    def close(self) -> None:
        """Release the pixels."""
        self._image.close()


def open_plain(
    file: Path | bytes, name: str, options: OpenOptions, sha256: str | None = None
) -> PlainImage:
    """Open a JPEG, PNG or WEBP of unknown origin.

    Args:
        file: Path or content.
        name: File name shown to people.
        options: What a person said about it, and the limits.
        sha256: Hash of the content where it is known already.

    Raises:
        ImageTooLarge: More pixels than the limit; nothing was decoded.
        AnimatedImage: More than one frame.
        UnsupportedBitDepth: 16 bits per colour.
        ImageWithoutColour: A grey image that was not asked for.
        BandsMissing: A band was asked for that is not there.
        DamagedImage: Truncated or broken.
        CoordinatesInDegrees: The stated coordinate system has no metres.
        CoordinatesUnknown: Nobody knows the stated coordinate system.
    """
    image = _open_header(file, options.limits.decoded_megapixels)
    try:
        return _finish(image, file, name, options, sha256)
    except BaseException:
        image.close()
        raise


def _finish(
    image: Image.Image, file: Path | bytes, name: str, options: OpenOptions, sha256: str | None
) -> PlainImage:
    limit = options.limits.decoded_megapixels
    if image.width * image.height > limit * 1_000_000:
        raise ImageTooLarge(megapixels=round(image.width * image.height / 1e6), limit=limit)
    _refuse_unsuitable(image, first_bytes(file, PNG_BIT_DEPTH_AT + 1), options.grey)
    info = RasterInfo(
        name=name,
        sha256=sha256 or hash_file(file),
        width=image.width,
        height=image.height,
        bands=len(image.getbands()),
        file_format=str(image.format).replace("MPO", "JPEG"),
        taken_on=options.taken_on or day_of_picture(image),
    )
    turn = _TURNS.get(_orientation(image))
    pixels, notes = _decode(image, options.grey)
    pixels = _choose_bands(pixels, options.bands)
    if turn is not None:
        pixels, notes = pixels.transpose(turn), (*notes, _TURNED)
    info = replace(info, width=pixels.width, height=pixels.height, notes=notes)
    found = None
    if turn is None and isinstance(file, Path) and (transform := read_world_file(file)):
        found = Georeference(transform, None, "world_file")
    return PlainImage(pixels, place(info, found, options))


def _open_header(file: Path | bytes, limit: int) -> Image.Image:
    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        with warnings.catch_warnings():
            # The library warns from 89 megapixels on and about broken camera data; the caller
            # checks the limit, and of the camera data only the orientation counts.
            warnings.simplefilter("ignore")
            return Image.open(stream, formats=("JPEG", "PNG", "WEBP"))
    except Image.DecompressionBombError as cause:
        raise ImageTooLarge(megapixels="> 178", limit=limit) from cause
    except UnidentifiedImageError as cause:
        raise DamagedImage() from cause
    except BROKEN_FILE as cause:
        raise DamagedImage() from cause


def _refuse_unsuitable(image: Image.Image, header: bytes, grey: bool) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format in ("WEBP", "PNG"):
        raise AnimatedImage(frames=frames)
    # The library turns 16-bit colours into 8-bit ones without a word; the header tells the truth.
    if image.format == "PNG" and header[PNG_BIT_DEPTH_AT] > EIGHT_BITS:
        raise UnsupportedBitDepth()
    if image.mode in GREY_MODES:
        if not grey:
            raise ImageWithoutColour()
        return
    if image.mode not in ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        raise UnsupportedImage()


def _orientation(image: Image.Image) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = image.getexif().get(ORIENTATION_TAG, 1)
    except (*BROKEN_FILE, TypeError):
        return 1
    return value if isinstance(value, int) else 1


def _decode(image: Image.Image, grey: bool) -> tuple[Image.Image, tuple[Finding, ...]]:
    try:
        image.load()
    except (*BROKEN_FILE, Image.DecompressionBombError) as cause:
        raise DamagedImage() from cause
    if image.mode in ("P", "PA"):
        if not grey and not _has_colour(image):
            raise ImageWithoutColour()
        return image.convert("RGBA"), ()
    if image.mode in GREY_MODES:
        return image.convert("RGBA" if image.mode.endswith(("A", "a")) else "RGB"), ()
    if image.mode == "CMYK":
        return image.convert("RGB"), (_CMYK,)
    if image.mode in ("RGBX", "YCbCr"):
        return image.convert("RGB"), ()
    return image, ()


def _choose_bands(image: Image.Image, bands: BandNumbers | None) -> Image.Image:
    if bands is None:
        return image
    colours = image.split()[:COLOURS]
    if (needed := max(*bands, len(bands))) > COLOURS:
        raise BandsMissing(found=COLOURS, needed=needed)
    chosen = Image.merge("RGB", [colours[band - 1] for band in bands[:COLOURS]])
    if image.mode == "RGBA":
        chosen.putalpha(image.getchannel("A"))
    return chosen


def _has_colour(image: Image.Image) -> bool:
    # By way of RGBA: the library warns where a palette has several degrees of transparency.
    counted = image.convert("RGBA").getcolors(256) or []
    return any(len(set(colour[:3])) > 1 for _, colour in counted if isinstance(colour, tuple))


def _as_patch(image: Image.Image) -> Patch:
    if image.mode == "RGBA":
        pixels = np.asarray(image)
        return Patch(np.ascontiguousarray(pixels[..., :3]), pixels[..., 3] > 0)
    rgb = np.asarray(image.convert("RGB"))
    return Patch(rgb, np.ones(rgb.shape[:2], dtype=bool))
