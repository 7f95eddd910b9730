"""Map services: the right question, and no answer believed that is no picture."""

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

from shared.errors import (
    MapServiceAnswerUnusable,
    MapServiceBlank,
    MapServiceDown,
    MapServiceOff,
    MapServiceRefusal,
)
from shared.geo import wms
from shared.geo.wms import MapLayer, MapServices, map_services, map_url
from shared.settings import Settings
from shared.store.file_cache import FileCache
from tests.shared.map_services import Answer, exception, map_service, picture

BOUNDS = (380_000.0, 5_720_000.0, 380_080.0, 5_720_060.0)


def services(*hosts, cache=None, pauses=None):
    waited = pauses if pauses is not None else []
    return MapServices(hosts, cache, sleep=waited.append)


def ask(service, client=None, **changes):
    layer = MapLayer(service.url, "dop", **changes)
    return (client or services(service.host)).get_map(layer, BOUNDS, 8, 6)


def always(**answer):
    return lambda _number: Answer(**answer)


def parameters(layer, bounds=BOUNDS):
    return dict(httpx.URL(map_url(layer, bounds, 8, 6)).params)


def test_no_host_is_allowed_unless_the_setting_names_it():
    assert Settings(_env_file=None).wms_hosts == ""
    with pytest.raises(MapServiceOff, match=r"www\.wms\.example"):
        services().get_map(MapLayer("https://www.wms.example/x", "dop"), BOUNDS, 8, 6)


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/wms",
        "https://wms.example.evil.example/wms",
        "https://wms.example:8443/wms",
        "https://wms.example@evil.example/wms",
        "https://user@wms.example/wms",
        "ftp://wms.example/wms",
        "file:///etc/passwd",
        "https://wms.example:x/wms",
    ],
)
def test_other_hosts_ports_and_schemes_are_refused(url):
    with pytest.raises(MapServiceOff):
        services("wms.example").get_map(MapLayer(url, "dop"), BOUNDS, 8, 6)


def test_a_picture_comes_back_with_its_pixels():
    with map_service(always(body=picture())) as service:
        patch = ask(service)
    rng = np.random.default_rng(3)
    assert np.array_equal(patch.rgb, rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    assert patch.valid.all()
    asked = service.asked[0]
    assert asked["BBOX"] == "380000.0,5720000.0,380080.0,5720060.0"
    assert (asked["CRS"], asked["WIDTH"], asked["HEIGHT"]) == ("EPSG:25832", "8", "6")


def test_axes_follow_the_version_and_the_system():
    degrees = (7.0, 51.0, 7.1, 51.1)
    new = parameters(MapLayer("https://a/w", "x", crs="EPSG:4326"), degrees)
    old = parameters(MapLayer("https://a/w", "x", crs="EPSG:4326", version="1.1.1"), degrees)
    crs84 = parameters(MapLayer("https://a/w", "x", crs="CRS:84"), degrees)
    assert new["BBOX"] == "51.0,7.0,51.1,7.1"
    assert old["BBOX"] == crs84["BBOX"] == "7.0,51.0,7.1,51.1"
    assert "CRS" in new
    assert "SRS" in old
    legacy = (3_400_000.0, 5_700_000.0, 3_400_010.0, 5_700_010.0)
    north_first = parameters(MapLayer("https://a/w", "x", crs="EPSG:31467"), legacy)
    assert north_first["BBOX"].startswith("5700000.0,3400000.0")


def test_own_parameters_of_a_service_stay_but_cannot_change_ours():
    found = parameters(MapLayer("https://a/w?map=nrw&request=GetFeatureInfo", "x"))
    assert found["map"] == "nrw"
    assert found["REQUEST"] == "GetMap"
    assert "request" not in found


@pytest.mark.parametrize(
    ("bounds", "width"),
    [(BOUNDS, 0), (BOUNDS, 4097), ((1.0, 1.0, 1.0, 2.0), 8), ((float("nan"), 1.0, 2.0, 2.0), 8)],
)
def test_impossible_questions_are_not_asked(bounds, width):
    with pytest.raises(ValueError, match="no map"):
        map_url(MapLayer("https://a/w", "x"), bounds, width, 6)


@pytest.mark.parametrize("kind", ["text/xml", "application/vnd.ogc.se_xml", "image/png"])
def test_a_message_with_status_200_is_told(kind):
    body = exception("<![CDATA[Ebene <b>dop</b>\n gibt es nicht]]>")
    with map_service(always(kind=kind, body=body)) as service:
        with pytest.raises(MapServiceRefusal, match="meldet: Ebene dop gibt es nicht"):
            ask(service)
        assert len(service.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "text/html", "body": b"<html>Wartung</html>"},
        {"kind": "image/png", "body": b"<html>Wartung</html>"},
        {"kind": "image/png", "body": b""},
        {"kind": "image/gif", "body": b"GIF89a"},
        {"kind": "application/octet-stream", "body": picture()},
        {"body": picture(9, 6)},
        {"body": picture()[:60]},
        {"status": 404, "body": picture()},
        {"status": 401, "kind": "text/plain", "body": b"no"},
        {"body": picture(), "headers": {"content-encoding": "gzip"}},
        {"body": picture() + bytes(2 * 2**20)},
    ],
    ids=[
        *("message", "message_as_png", "empty", "gif", "no_picture", "too_large"),
        *("cut", "not_found", "not_allowed", "packed", "too_long"),
    ],
)
def test_what_is_no_picture_of_this_size_is_refused_at_once(answer):
    with map_service(always(**answer)) as service:
        with pytest.raises(MapServiceAnswerUnusable):
            ask(service)
        assert len(service.asked) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_blank_picture_is_refused(kind):
    blank = always(body=picture(kind=kind, blank=True))
    with map_service(blank) as service, pytest.raises(MapServiceBlank):
        ask(service)


def test_faults_that_may_pass_are_tried_again_with_growing_pauses():
    pauses = []
    replies = [Answer(503), Answer(429), Answer(500), Answer(body=picture())]
    with map_service(replies.__getitem__) as service:
        ask(service, services(service.host, pauses=pauses))
        assert len(service.asked) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_after_three_more_attempts_the_service_counts_as_away():
    with map_service(always(status=503)) as service:
        with pytest.raises(MapServiceDown):
            ask(service)
        assert len(service.asked) == 4
    with pytest.raises(MapServiceDown):
        ask(service)  # nobody listens any more


def test_a_service_that_drips_is_given_up(monkeypatch):
    ticks = iter(range(0, 10_000, 20))
    monkeypatch.setattr(wms, "PAUSES_S", (0, 0, 0))
    with map_service(always(body=picture())) as service:
        client = MapServices([service.host], sleep=lambda _s: None, clock=lambda: next(ticks) * 2)
        with pytest.raises(MapServiceDown):
            ask(service, client)


def test_redirects_stay_on_the_host():
    with map_service(always(body=picture())) as other:
        away = always(status=302, headers={"location": other.url})
        with map_service(away) as service, pytest.raises(MapServiceAnswerUnusable):
            ask(service, services(service.host, other.host))
        assert other.asked == []
    replies = [Answer(302, headers={"location": "/new?x=1"}), Answer(body=picture())]
    with map_service(replies.__getitem__) as service:
        ask(service)
        assert service.asked[1] == {"x": "1"}


def test_redirects_in_a_circle_end():
    with map_service(always(status=302, headers={"location": "/again"})) as service:
        with pytest.raises(MapServiceAnswerUnusable):
            ask(service)
        assert len(service.asked) == 4


def test_a_picture_is_asked_for_once_and_a_damaged_copy_again(tmp_path):
    cache = FileCache(tmp_path)
    with map_service(always(body=picture())) as service:
        client = services(service.host, cache=cache)
        first, second = ask(service, client), ask(service, client)
        assert len(service.asked) == 1
        assert np.array_equal(first.rgb, second.rgb)
        (copy,) = [path for path in tmp_path.rglob("*") if path.is_file()]
        copy.write_bytes(copy.read_bytes()[:50])
        ask(service, client)
        assert len(service.asked) == 2


def test_a_cache_that_cannot_be_used_costs_only_time(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file in place of the folder")
    with map_service(always(body=picture())) as service:
        client = services(service.host, cache=FileCache(tmp_path / "cache"))
        first, second = ask(service, client), ask(service, client)
        assert len(service.asked) == 2
        assert np.array_equal(first.rgb, second.rgb)
    assert "cannot be kept" in caplog.text


def test_nothing_blank_or_wrong_is_kept(tmp_path):
    cache = FileCache(tmp_path)
    replies = [Answer(body=picture(blank=True)), Answer(kind="text/xml", body=exception("nein"))]
    with map_service(replies.__getitem__) as service:
        client = services(service.host, cache=cache)
        with pytest.raises(MapServiceBlank):
            ask(service, client)
        with pytest.raises(MapServiceRefusal):
            ask(service, client)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_setting_names_the_hosts_and_the_data_folder_keeps_the_pictures(tmp_path):
    with map_service(always(body=picture())) as service:
        allowed = Settings(
            _env_file=None, data_dir=tmp_path, wms_hosts=f"wms.example, {service.host}"
        )
        ask(service, map_services(allowed))
        ask(service, map_services(allowed))
        assert len(service.asked) == 1
        with pytest.raises(MapServiceOff):
            ask(service, map_services(Settings(_env_file=None, data_dir=tmp_path)))
    assert any((tmp_path / "cache" / "wms").rglob("*"))


@pytest.mark.parametrize("hosts", ["https://wms.example", "wms.example/path", "a b", "*"])
def test_what_is_no_host_is_no_setting(hosts):
    with pytest.raises(ValidationError):
        Settings(_env_file=None, wms_hosts=hosts)


def test_a_host_that_was_taken_from_the_setting_is_not_served_from_the_cache(tmp_path):
    cache = FileCache(tmp_path)
    with map_service(always(body=picture())) as service:
        ask(service, services(service.host, cache=cache))
        with pytest.raises(MapServiceOff):
            ask(service, services(cache=cache))
