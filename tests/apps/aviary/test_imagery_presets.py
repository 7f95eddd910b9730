"""Known sources of images: a complete data file, off by default; nobody is asked."""

import re
import socket
import tomllib

import pytest
from pydantic import ValidationError

from apps.aviary.inputs import imagery_presets
from apps.aviary.inputs.imagery_presets import PATH, ImageryPresets, allowed_services, load_presets
from shared.settings import Settings

NRW, RVR = "www.wms.nrw.de", "geodaten.metropoleruhr.de"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_presets.cache_clear()


def content() -> dict:
    return tomllib.loads(PATH.read_text(encoding="utf-8"))


def service(name: str):
    return next(one for one in load_presets().services if one.id == name)


def test_nothing_is_checked_yet_and_every_entry_says_so():
    presets = load_presets()
    assert {one.status for one in (*presets.services, *presets.files)} == {"ungeprueft"}
    assert presets.licence == "dl-de/zero-2-0"
    assert "nicht nachgesehen" in presets.source


def test_all_sources_of_the_plan_are_there():
    presets = load_presets()
    assert {one.layers for one in presets.services} >= {
        "nw_dop_rgb",
        "nw_dop_nir",
        "nw_hist_dop_{year}",
        "ave:GebaeudeBauwerk,ave:Flurstueck,ave:Nutzung",
    }
    assert {one.host for one in presets.services} == {NRW, RVR, ""}
    assert service("nrw_idop").true_ortho is False
    names = [
        "dop10rgbi_32_405_5720_1_nw_2024.jp2",
        "dop10rgbi_32405_5720_1_nw_2019.jp2",
        "hu_EPSG25832_Shape.zip",
        "LoD2_32_405_5720_1_NW.gml",
        "dgm1_32_405_5720_1_nw_2024.tif",
    ]
    for name in names:
        assert sum(bool(re.fullmatch(one.pattern, name)) for one in presets.files) == 1


def test_all_are_off_by_default():
    assert allowed_services(Settings(_env_file=None, wms_hosts="")) == ()


def test_only_complete_services_of_allowed_hosts_are_offered():
    settings = Settings(_env_file=None, wms_hosts=f"example.org, {NRW.upper()}")
    names = [one.id for one in allowed_services(settings)]
    assert names == ["nrw_dop", "nrw_dop_nir", "nrw_hist_dop"]
    # The name of its layer is not known yet.
    assert allowed_services(Settings(_env_file=None, wms_hosts=RVR)) == ()


def test_a_service_says_what_to_ask_for():
    layer = service("nrw_dop").layer()
    assert (layer.url, layer.layers) == (f"https://{NRW}/geobasis/wms_nw_dop", "nw_dop_rgb")
    assert layer.crs == "EPSG:25832"
    assert service("nrw_hist_dop").layer(2012).layers == "nw_hist_dop_2012"
    for name in ("nrw_hist_dop", "nrw_idop", "nrw_alkis"):
        with pytest.raises(ValueError, match=name):
            service(name).layer()


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("services", {"status": "geprueft"}),
        ("services", {"checked_on": "2026-11-28"}),
        ("services", {"status": "sicher"}),
        ("services", {"url": "http://www.wms.nrw.de/x"}),
        ("services", {"url": "https://user@www.wms.nrw.de/x"}),
        ("services", {"id": "nrw_idop"}),
        ("services", {"secret": 1}),
        ("files", {"example": "other.jp2"}),
    ],
)
def test_a_wrong_entry_is_refused(kind, changed):
    told = content()
    told[kind][0] |= changed
    with pytest.raises(ValidationError):
        ImageryPresets.model_validate(told)


def test_a_checked_entry_names_its_day():
    told = content()
    told["services"][0] |= {"status": "geprueft", "checked_on": "2026-12-01"}
    first = ImageryPresets.model_validate(told).services[0]
    assert isinstance(first, imagery_presets.Service)
    assert str(first.checked_on) == "2026-12-01"
