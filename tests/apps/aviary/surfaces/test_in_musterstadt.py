"""Objects derived from the true classes of a part of the demo city, compared with the city.

The classes are free of errors, so what is missed or wrong comes from the derivations alone.
"""

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from scipy.ndimage import label, maximum, sum_labels
from shapely import STRtree, affinity, box

from shared.demo_city import FINE, CitySettings, build_city, render_window
from tests.apps.aviary.surfaces.grounds import GRASS, derive, ground, write

BOUNDS_M = (381_900.0, 5_722_520.0, 382_140.0, 5_722_760.0)
GSD_M = 0.2
LEAST_HOUSE_M2 = 10.0


class Part:
    """A part of the city with the class map of its truth."""

    def __init__(self, folder):
        self.city, self.folder = build_city(CitySettings()), folder
        self.window = render_window(self.city, "2026", BOUNDS_M, GSD_M)
        self.place, self.shape = self.window.transform, self.window.labels.shape
        rgbi = self.window.rgbi
        self.ground = ground(
            folder / "in",
            self.window.labels,
            rgb=rgbi[..., :3],
            nir=rgbi[..., 3],
            place=self.place,
        )

    def layer(self, name):
        """Return a layer of the city with its geometries in pixels."""
        frame = self.city.layer(name)
        back = ~self.place
        numbers = (back.a, back.b, back.d, back.e, back.c, back.f)
        frame["pixels"] = [affinity.affine_transform(one, numbers) for one in frame.geometry]
        return frame[shapely.intersects(frame["pixels"].to_numpy(), box(0, 0, *self.shape[::-1]))]

    def file(self, name, columns):
        path = self.folder / f"{name}.gpkg"
        if not path.exists():
            self.city.layer(name)[[*columns, "geometry"]].to_file(path)
        return path

    def fine(self, name):
        return self.window.fine == FINE.index(name)

    def drawn(self, polygons):
        if not polygons:
            return np.zeros(self.shape, bool)
        return rasterize(polygons, self.shape).astype(bool)


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return Part(tmp_path_factory.mktemp("town"))


def best_iou(one, others, tree):
    near = (others[place] for place in tree.query(one))
    return max((one.intersection(near).area / one.union(near).area for near in near), default=0)


def hits(true_mask, found, least_px):
    """Return which connected parts of a truth are met by what was found."""
    parts, count = label(true_mask)
    numbers = range(1, count + 1)
    large = sum_labels(true_mask, parts, numbers) >= least_px
    return np.asarray(maximum(found, parts, numbers), dtype=bool)[large]


def share_right(polygons, part, true_mask):
    """Return the share of outlines most of whose pixels are true."""
    return np.mean([true_mask[part.drawn([one])].mean() > 0.5 for one in polygons])


@pytest.mark.timeout(300)
def test_buildings(part):
    standing = part.layer("buildings")
    standing = standing[standing["valid_to"].isna()]
    frame = box(0, 0, *part.shape[::-1])
    whole = shapely.union_all(standing["pixels"].to_list()).intersection(frame)
    houses = [one for one in shapely.get_parts(whole) if one.area * GSD_M**2 >= LEAST_HOUSE_M2]
    found = [one.polygon for one in derive("buildings", part.ground)]
    tree = STRtree(found)
    ious = np.array([best_iou(one, found, tree) for one in houses])
    assert len(houses) > 60
    assert (ious >= 0.5).mean() >= 0.93
    assert np.median(ious) >= 0.84  # roofs reach over the walls
    corners = [len(one.exterior.coords) - 1 for one in found]
    assert np.median(corners) == 4
    assert all(one.is_valid for one in found)
    roofs = np.isin(part.window.labels, (0, 1, 2))
    drawn = part.drawn(found)
    assert (drawn & roofs).sum() / (drawn | roofs).sum() >= 0.95


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("with_heights", "least_precision", "least_recall"),
    [(True, 0.88, 0.72), (False, 0.71, 0.70)],
    ids=["heights", "outline"],
)
def test_trees(part, with_heights, least_precision, least_recall):
    files = {}
    if with_heights:
        path = part.folder / "ndsm.tif"
        files = {"ndsm": write(path, part.window.ndsm, place=part.place)}
    found = derive("trees", part.ground, files)
    trees = part.layer("trees")
    x, y = np.array([(one.x, one.y) for one in trees["pixels"]]).T
    is_seen = part.window.labels[y.astype(int), x.astype(int)] == 8
    is_tree = is_seen & (trees["crown_m"] >= 2) & (trees["height_m"] >= 2.5)
    tops = np.column_stack([x[is_tree], y[is_tree]])
    reach = np.maximum(5, 0.3 * trees["crown_m"][is_tree] / GSD_M)
    crowns = np.array([(one.polygon.centroid.x, one.polygon.centroid.y) for one in found])
    away = np.hypot(*(crowns[:, None] - tops[None]).T)
    near = np.argwhere(away <= reach.to_numpy()[:, None])
    matched_tops, matched_crowns = set(), set()
    for top, crown in sorted(near.tolist(), key=lambda pair: away[tuple(pair)]):
        if top not in matched_tops and crown not in matched_crowns:
            matched_tops.add(top)
            matched_crowns.add(crown)
    assert len(tops) > 300
    assert len(matched_crowns) / len(found) >= least_precision
    assert len(matched_tops) / len(tops) >= least_recall


@pytest.mark.timeout(300)
def test_pools(part):
    found = [one.polygon for one in derive("pools", part.ground)]
    pools = part.fine("pool")
    assert len(found) >= 3
    assert share_right(found, part, pools) == 1
    assert hits(pools, part.drawn(found), 4 / GSD_M**2).mean() >= 0.8


@pytest.mark.timeout(300)
def test_water(part):
    found = derive("water", part.ground)
    water = part.window.labels == 6
    assert share_right([one.polygon for one in found], part, water) == 1
    assert hits(water, part.drawn([one.polygon for one in found]), 4 / GSD_M**2).all()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("with_outlines", [True, False], ids=["outlines", "classes"])
def test_green_roofs(part, with_outlines):
    files = {"buildings": part.file("buildings", ["building_id"])} if with_outlines else {}
    found = derive("greenroof", part.ground, files)
    green = part.window.labels == 2
    assert hits(green, part.drawn([one.polygon for one in found]), 8 / GSD_M**2).all()
    told = sum(dict(one.figures)["green_m2"] for one in found)
    assert told == pytest.approx(green.sum() * GSD_M**2, rel=0.06)
    assert all(0.25 <= dict(one.figures)["green_share"] <= 1 for one in found)
    assert all("ndvi_evidence" in dict(one.figures) for one in found)


@pytest.mark.timeout(300)
def test_gravel_gardens(part):
    files = {"parcels": part.file("parcels", ["parcel_id", "use"])}
    found = [one.polygon for one in derive("gravel_garden", part.ground, files)]
    gardens = part.fine("gravel_garden")
    assert len(found) >= 15
    assert share_right(found, part, gardens) >= 0.75
    assert hits(gardens, part.drawn(found), 8 / GSD_M**2).mean() >= 0.85


def test_the_part_shows_what_it_is_to_show(part):
    """The tests above would say nothing about a part of fields alone."""
    assert (part.window.labels == GRASS).any()
    for name in ("pool", "gravel_garden", "extensive_green_roof", "tile_roof", "tree"):
        assert part.fine(name).sum() > 100, name
