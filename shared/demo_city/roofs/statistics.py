"""Fit the statistics of real roofs and measure how far made roofs are from them.

The real roofs stay where they are; only figures are written. Command: `python -m
shared.demo_city.roofs.statistics` fits, with `--check` it measures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from shared.demo_city.roofs.draws import PERCENTS, STATISTICS_FILE
from shared.demo_city.roofs.roofscape import Roof
from shared.demo_city.roofs.samples import draw_homes
from shared.demo_city.roofs.sheets import LEVEL_BELOW_DEG
from shared.demo_city.things import Thing
from shared.settings import get_settings

Values = NDArray[np.float64]
FOLDER: Final = "rid_wartenberg_vector"
CREDIT: Final = "S. Krapf et al. 2022, RID - Roof Information Dataset, doi:10.3390/rs14102299"
FORMS: Final = {
    "Gabled": "gabled",
    "Flat": "flat",
    "Complex": "complex",
    "Hip": "hip",
    "pyramid": "pyramid",
}
OBJECTS: Final = {
    "pvmodule": "pv",
    "chimney": "chimney",
    "window": "roof_window",
    "dormer": "dormer",
    "ladder": "ladder",
    "unknown": "other",
}
MOST_OBJECTS: Final = 12
LEAST_OBJECT_M2: Final = 0.05


@dataclass(frozen=True, slots=True)
class RealRoofs:
    """Real roofs in metres (EPSG:25832).

    Args:
        roofs: form, use, area_m2, length_m, width_m, per roof_id.
        planes: roof_id, form, use, slope_deg, azimuth_deg (compass).
        objects: roof_id, use, kind, area_m2, length_m, width_m; one row per object.
    """

    roofs: pd.DataFrame
    planes: pd.DataFrame
    objects: pd.DataFrame

    def part(self, *, validation: bool) -> RealRoofs:
        """Return the validation fifth or the rest."""
        fifths = self.roofs.index.map(is_validation)
        names = self.roofs.index[fifths == validation]
        return RealRoofs(
            self.roofs.loc[names],
            self.planes[self.planes.roof_id.isin(names)],
            self.objects[self.objects.roof_id.isin(names)],
        )


def is_validation(roof_id: int) -> bool:
    """Return whether a real roof belongs to the fifth that is never fitted."""
    return crc32(str(roof_id).encode()) % 5 == 0


def read_real_roofs(folder: Path) -> RealRoofs:
    """Read the real roofs.

    Args:
        folder: Folder with roofs.csv, roof_planes.csv and roof_objects.csv.

    Raises:
        FileNotFoundError: One of them is missing.
    """
    roofs = pd.read_csv(folder / "roofs.csv").set_index("roof_id")
    roofs["form"] = roofs.roof_type.map(FORMS)
    roofs["use"] = roofs.building_type
    roofs = roofs[roofs.form.notna() & roofs.outline_wkt_lat_lon.notna()]
    sizes = _sizes(_metres(roofs.outline_wkt_lat_lon))
    roofs = roofs[["form", "use"]].assign(**sizes)
    planes = pd.read_csv(folder / "roof_planes.csv")
    planes = planes[planes.roof_id.isin(roofs.index)]
    planes = planes[["roof_id", "slope_deg"]].assign(azimuth_deg=(planes.azimuth_deg + 180) % 360)
    objects = pd.read_csv(folder / "roof_objects.csv")
    objects = objects[objects.roof_id.isin(roofs.index) & objects.type.isin(OBJECTS)]
    objects = objects[objects.object_wkt_lat_lon.notna()]
    shapes = _metres(objects.object_wkt_lat_lon)
    parts, rows = shapely.get_parts(shapes, return_index=True)
    objects = objects.iloc[rows][["roof_id"]].assign(
        kind=objects.type.map(OBJECTS).to_numpy()[rows], **_sizes(parts)
    )
    objects = objects[objects.area_m2 >= LEAST_OBJECT_M2]
    return RealRoofs(
        roofs,
        planes.join(roofs[["form", "use"]], "roof_id"),
        objects.join(roofs[["use"]], "roof_id"),
    )


def _metres(texts: pd.Series) -> NDArray[np.object_]:
    """Return the shapes of WKT in the order latitude, longitude."""
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:25832", always_xy=True)
    shapes = shapely.from_wkt(texts.to_numpy())
    return shapely.make_valid(  # type: ignore[no-any-return]
        shapely.transform(
            shapes, lambda places: np.column_stack(to_metres.transform(places[:, 1], places[:, 0]))
        )
    )


def _sizes(shapes: NDArray[np.object_]) -> dict[str, Values]:
    boxes = shapely.oriented_envelope(shapes)
    sides = np.full((len(shapes), 2), np.nan)
    for row, box in enumerate(boxes):
        places = shapely.get_coordinates(box)
        if len(places) == 5:
            sides[row] = np.hypot(*np.diff(places[:3], axis=0).T)
    return {
        "area_m2": shapely.area(shapes),
        "length_m": sides.max(axis=1),
        "width_m": sides.min(axis=1),
    }


def fit_roof_statistics(folder: Path) -> dict[str, Any]:
    """Fit the statistics on the real roofs outside the validation fifth.

    Args:
        folder: Folder with the real roofs.

    Returns:
        Quantiles (5 to 95 in steps of 5), shares and the credit line.

    Raises:
        FileNotFoundError: The real roofs are missing.
    """
    real = read_real_roofs(folder).part(validation=False)
    homes = real.roofs[real.roofs.use == "Residential"]
    planes = real.planes[real.planes.use == "Residential"]
    per_form = {
        form: homes[homes.form == form] for form in FORMS.values() if form in set(homes.form)
    }
    return {
        "credit": CREDIT,
        "roofs": len(real.roofs),
        "forms": {form: round(len(rows) / len(homes), 4) for form, rows in per_form.items()},
        "outline": {
            form: {**_size_quantiles(rows), "width_share": _quantiles(rows.width_m / rows.length_m)}
            for form, rows in per_form.items()
        },
        "slope_deg": {
            form: _quantiles(planes[planes.form == form].slope_deg, "nearest")
            for form in per_form
            if form != "flat"
        },
        "objects": {
            kind: _object_figures(rows, real.roofs.index)
            for kind, rows in real.objects.groupby("kind")
        },
    }


def _object_figures(rows: pd.DataFrame, roof_ids: pd.Index) -> dict[str, Any]:
    return {
        "carrying_roofs": round(rows.roof_id.nunique() / len(roof_ids), 4),
        "per_roof": _counts(rows, roof_ids),
        **_size_quantiles(rows),
        "width_share": _quantiles(rows.width_m / rows.length_m),
        "fill": _quantiles(rows.area_m2 / (rows.length_m * rows.width_m)),
    }


def _size_quantiles(rows: pd.DataFrame) -> dict[str, list[float]]:
    return {name: _quantiles(rows[name]) for name in ("area_m2", "length_m", "width_m")}


def _quantiles(values: pd.Series, method: str = "linear") -> list[float]:
    known = values.dropna().to_numpy()
    return [round(float(q), 2) for q in np.percentile(known, PERCENTS, method=method)]  # type: ignore[call-overload]


def _counts(rows: pd.DataFrame, roof_ids: pd.Index) -> list[float]:
    """Return the shares of roofs with 0, 1, 2 ... objects; the last stands for all above."""
    counts = rows.groupby("roof_id").size().reindex(roof_ids, fill_value=0).clip(upper=MOST_OBJECTS)
    shares = counts.value_counts(normalize=True).reindex(range(MOST_OBJECTS + 1), fill_value=0)
    return [round(float(share), 4) for share in shares]


def write_statistics(statistics: dict[str, Any], file: Path = STATISTICS_FILE) -> None:
    """Write the statistics as TOML."""
    lines = [
        "# Statistics of real roofs, written by `python -m shared.demo_city.roofs.statistics`.",
        "# Figures only; quantiles are the 5th to the 95th percentile in steps of 5.",
        *_toml(statistics, ""),
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(table: dict[str, Any], name: str) -> list[str]:
    lines = [f"{key} = {json.dumps(v)}" for key, v in table.items() if not isinstance(v, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            inner = f"{name}.{key}" if name else key
            lines += [f"[{inner}]", *_toml(value, inner)]
    return lines


def kolmogorov_distance(first: Values, second: Values) -> float:
    """Return the largest distance between two empirical distribution functions, 0 to 1.

    Args:
        first: Values of one sample, at least one.
        second: Values of the other sample, at least one.
    """
    if not (len(first) and len(second)):
        raise ValueError((len(first), len(second)))
    places = np.union1d(first, second)
    shares = [np.searchsorted(np.sort(v), places, side="right") / len(v) for v in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def kolmogorov_distances(
    roofs: Sequence[Roof], things: Sequence[Thing], folder: Path
) -> dict[str, float]:
    """Measure how far made homes are from the validation fifth of the real roofs.

    Args:
        roofs: Roofs of homes and of the garages and sheds beside them.
        things: What is on them.
        folder: Folder with the real roofs.

    Returns:
        Kolmogorov distances of outline area, plane slope and area of solar arrays. Slopes below
        5 deg count as level, as in the real data; they know PV and thermal as one class.

    Raises:
        FileNotFoundError: The real roofs are missing.
    """
    real = read_real_roofs(folder).part(validation=True)
    homes = real.roofs[real.roofs.use == "Residential"]
    planes = real.planes[real.planes.use == "Residential"]
    arrays = real.objects[(real.objects.kind == "pv") & (real.objects.use == "Residential")]
    slopes = np.array([plane.slope.slope_deg for roof in roofs for plane in roof.planes]).round(1)
    solar = np.array([thing.area.area for thing in things if thing.solar in {"pv", "thermal"}])
    pairs = {
        "outline_area_m2": (np.array([roof.outline.area for roof in roofs]), homes.area_m2),
        "plane_slope_deg": (np.where(slopes < LEVEL_BELOW_DEG, 0, slopes), planes.slope_deg),
        "solar_area_m2": (solar, arrays.area_m2),
    }
    return {
        name: round(kolmogorov_distance(made, of_real.to_numpy()), 4)
        for name, (made, of_real) in pairs.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the statistics or, with `--check`, measure 2,000 drawn homes against the real ones."""
    parser = argparse.ArgumentParser(prog="python -m shared.demo_city.roofs.statistics")
    parser.add_argument("--data", type=Path, default=get_settings().development_data_dir / FOLDER)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            read_real_roofs(options.data)
            result: dict[str, Any] = kolmogorov_distances(*draw_homes(2026, 2_000), options.data)
        else:
            statistics = fit_roof_statistics(options.data)
            write_statistics(statistics)
            result = {"roofs": statistics["roofs"], "file": STATISTICS_FILE.name}
    except FileNotFoundError as error:
        sys.stderr.write(f"Die Dachdaten fehlen: {error.filename}\n")
        return 2
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
