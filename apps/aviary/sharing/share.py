"""A recipe in one file: its text, an image to test it with, and what it must find there.

A `.urbanki-recipe` file is a ZIP file with exactly three entries. It names the weights with which
the figures were measured; `apps.aviary.sharing.conformance` measures them again before it is used.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from apps.aviary.recipe_book.schema import Key
from apps.aviary.recipes import Recipe, read_recipe
from shared.contracts.model_server import Name, Version
from shared.errors import N_, RecipePackageRefused

SUFFIX = ".urbanki-recipe"
MEDIA_TYPE = "application/zip"
RECIPE_FILE, EXPECTED_FILE = "recipe.toml", "expected.json"
IMAGE_FILE, NEAR_INFRARED_FILE = "image.png", "image.tif"
"""The second one only where the recipe needs near infrared, which no PNG can carry."""
MOST_BYTES = 20 * 2**20
"""Of the file, and of what is in it."""
MOST_RATIO = 100
MOST_TEXT_BYTES = 256 * 1024
MOST_SIDE_PX = 2048
"""Of the test image."""
MOST_ENLARGED = 4.0
"""How far its sides may grow at the resolution of the recipe: a small file must not mean hours."""
MOST_OBJECTS = MOST_SIDE_PX**2
_ENCRYPTED = 0x1
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP file can state: equal content gives equal bytes."""
_PNG_HEAD = struct.Struct(">8sI4sII")
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFFS = (b"II*\0", b"MM\0*")
_ENTRIES = [sorted((RECIPE_FILE, EXPECTED_FILE, name)) for name in (IMAGE_FILE, NEAR_INFRARED_FILE)]
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    NotImplementedError,
    EOFError,
    IndexError,
    OverflowError,
)
_BROKEN_TEXT = N_("Die ZIP-Datei ist beschädigt.")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UsedModel(_Part):
    """The weights with which the figures were measured."""

    name: Name
    version: Version
    sha256: Sha256


class ProofImage(_Part):
    """The image to test with."""

    sha256: Sha256
    gsd_m: float = Field(gt=0, le=100, allow_inf_nan=False)


class Expected(_Part):
    """What a recipe finds in its test image: `expected.json`.

    `counts` holds the number of objects by class and is empty for maps; `area_m2` the ground area
    by class [m2]. `model` is None for a recipe without one.
    """

    format: Literal[1] = 1
    model: UsedModel | None
    image: ProofImage
    counts: dict[Key, Annotated[int, Field(ge=0, le=MOST_OBJECTS)]] = Field(max_length=255)
    area_m2: dict[Key, Amount] = Field(max_length=255)


@dataclass(frozen=True, slots=True)
class SharedRecipe:
    """Content of a `.urbanki-recipe` file that is whole and harmless.

    Args:
        name: File name for people.
        recipe: What is looked for.
        text: The recipe file as it was written.
        image: PNG to test with, or TIFF where the recipe needs near infrared.
        expected: What must be found there.
    """

    name: str
    recipe: Recipe
    text: str
    image: bytes
    expected: Expected

    @property
    def image_name(self) -> str:
        """Name of the image in the file."""
        return image_name(self.recipe)

    @property
    def content_sha256(self) -> str:
        """Hash of recipe and weights; with what image it is tested makes it no other recipe."""
        model = self.expected.model
        told = "" if model is None else model.model_dump_json()
        return hashlib.sha256(f"{self.text}\0{told}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KnownRecipe:
    """What is kept of a shared recipe until it has passed its test.

    Args:
        recipe: What is looked for.
        content_sha256: See `SharedRecipe`.
    """

    recipe: Recipe
    content_sha256: str


def image_name(recipe: Recipe) -> str:
    """Return how the test image of a recipe is called."""
    return NEAR_INFRARED_FILE if recipe.bands == "rgbi" else IMAGE_FILE


def pack_recipe(text: str, image: bytes, expected: Expected) -> bytes:
    """Write a `.urbanki-recipe` file; equal content gives equal bytes.

    Args:
        text: The recipe file.
        image: PNG to test with, or TIFF where the recipe needs near infrared.
        expected: What the recipe finds there.

    Raises:
        RecipeBroken: The text is no recipe.
        RecipePackageRefused: The parts do not belong together, or the file would be too large.
    """
    target = io.BytesIO()
    told = expected.model_dump_json(indent=2)
    name = image_name(read_recipe(text, RECIPE_FILE))
    parts = {RECIPE_FILE: text.encode(), name: image, EXPECTED_FILE: f"{told}\n".encode()}
    with zipfile.ZipFile(target, "w") as archive:
        for entry, content in parts.items():
            archive.writestr(zipfile.ZipInfo(entry, _NO_TIME), content, zipfile.ZIP_STORED)
    packed = target.getvalue()
    unpack_recipe(packed, RECIPE_FILE)
    return packed


def unpack_recipe(content: bytes, name: str) -> SharedRecipe:
    """Read a `.urbanki-recipe` file; nothing is written, nothing of it is run.

    Args:
        content: The whole file.
        name: Its name for people.

    Raises:
        RecipePackageRefused: Too large, damaged, with other entries than the three, or with an
            image that is not the one of its figures.
        RecipeBroken: Its recipe is none.
    """
    parts = _read_parts(content, name)
    try:
        text = parts[RECIPE_FILE].decode()
        expected = Expected.model_validate_json(parts[EXPECTED_FILE])
    except (ValidationError, UnicodeDecodeError) as cause:
        reason = N_("Rezept oder erwartete Zahlen sind nicht lesbar.")
        raise RecipePackageRefused(name=name, reason=reason) from cause
    recipe = read_recipe(text, name)
    image = parts.get(image_name(recipe), b"")
    if hashlib.sha256(image).hexdigest() != expected.image.sha256:
        reason = N_("Die Prüfsumme des Prüfbilds stimmt nicht.")
        raise RecipePackageRefused(name=name, reason=reason)
    if not _looks_right(image, recipe):
        reason = N_("Das Prüfbild hat die falsche Form oder ist zu groß.")
        raise RecipePackageRefused(name=name, reason=reason)
    if _is_too_coarse(expected, recipe):
        reason = N_("Das Prüfbild ist für das Rezept viel zu grob.")
        raise RecipePackageRefused(name=name, reason=reason)
    if recipe.inputs:
        reason = N_("Das Rezept braucht weitere Dateien; ein Prüfbild allein prüft es nicht.")
        raise RecipePackageRefused(name=name, reason=reason)
    if not _fits(expected, recipe):
        reason = N_("Die erwarteten Zahlen gehören zu einem anderen Rezept.")
        raise RecipePackageRefused(name=name, reason=reason)
    return SharedRecipe(name, recipe, text, image, expected)


def read_shared_recipe(content: bytes, name: str) -> KnownRecipe:
    """Return the recipe of a `.urbanki-recipe` file; arguments and errors of `unpack_recipe`."""
    shared = unpack_recipe(content, name)
    return KnownRecipe(shared.recipe, shared.content_sha256)


def _read_parts(content: bytes, name: str) -> Mapping[str, bytes]:
    if len(content) > MOST_BYTES:
        raise RecipePackageRefused(name=name, reason=N_("Es ist größer als 20 MB."))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _refuse_unsafe(entries, name)
            return {one.filename: _read_entry(archive, one) for one in entries}
    except _BROKEN as cause:
        raise RecipePackageRefused(name=name, reason=_BROKEN_TEXT) from cause


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Unpack as much as the list of entries says; `ZipFile.read` unpacks all before it cuts."""
    with archive.open(entry) as content:
        return content.read(entry.file_size + 1)


def _refuse_unsafe(entries: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse by what the list of entries says, before anything is unpacked."""
    names = sorted(one.orig_filename for one in entries)
    if names not in _ENTRIES:
        reason = N_("Es muss genau recipe.toml, expected.json und ein Prüfbild enthalten.")
        raise RecipePackageRefused(name=name, reason=reason)
    if any(one.flag_bits & _ENCRYPTED or one.compress_type not in _PACKINGS for one in entries):
        reason = N_("Ein Eintrag ist verschlüsselt oder ungewöhnlich gepackt.")
        raise RecipePackageRefused(name=name, reason=reason)
    sizes = {one.filename: one.file_size for one in entries}
    ratio = max(one.file_size / max(1, one.compress_size) for one in entries)
    texts = max(sizes[RECIPE_FILE], sizes[EXPECTED_FILE])
    if sum(sizes.values()) > MOST_BYTES or texts > MOST_TEXT_BYTES or ratio > MOST_RATIO:
        raise RecipePackageRefused(name=name, reason=N_("Es wird entpackt zu groß."))


def _looks_right(image: bytes, recipe: Recipe) -> bool:
    """Look at the first bytes alone; a TIFF tells its size when it is opened, with a limit."""
    if image_name(recipe) == NEAR_INFRARED_FILE:
        return image.startswith(_TIFFS)
    if len(image) < _PNG_HEAD.size:
        return False
    signature, _, chunk, width, height = _PNG_HEAD.unpack_from(image)
    is_small = all(1 <= side <= MOST_SIDE_PX for side in (width, height))
    return is_small and (signature, chunk) == (_PNG, b"IHDR")


def _is_too_coarse(expected: Expected, recipe: Recipe) -> bool:
    """A formula is computed on the pixels of the image itself, whatever their size."""
    is_resampled = recipe.kind != "index"
    return is_resampled and expected.image.gsd_m > MOST_ENLARGED * recipe.gsd_native_m


def _fits(expected: Expected, recipe: Recipe) -> bool:
    known = {one.key for one in recipe.classes}
    told = expected.counts.keys() | expected.area_m2.keys()
    return told <= known and (expected.model is None) == (recipe.task == "none")
