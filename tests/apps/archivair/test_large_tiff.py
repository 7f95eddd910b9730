"""A large page is read from its own file alone."""

import numpy as np
import pytest
import rasterio

from apps.archivair.file_data import FileData
from apps.archivair.large_tiff import read_tiff_reduced
from shared.errors import DamagedImage


def page(path, value, side, overview=""):
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8"
    ) as to:
        to.write(np.full((1, side, side), value, dtype=np.uint8))
        if overview:
            to.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=overview)
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_page_is_not_taken_from_another_file(tmp_path):
    secret = page(tmp_path / "geheim.tif", 77, 500)
    plain = FileData(page(tmp_path / "a.tif", 10, 1000))
    assert read_tiff_reduced(plain, 1, 2).mean() == 10
    hostile = page(tmp_path / "b.tif", 10, 1000, str(secret))
    for place in (hostile, hostile.read_bytes()):
        with pytest.raises(DamagedImage):
            read_tiff_reduced(FileData(place), 1, 2)
