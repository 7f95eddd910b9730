"""Layers and words that were made to do harm: no request leaves, no error of a library gets out."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.errors import FileGone, FileTypeRefused, NotFound, TextInvalid
from shared.store import artifacts, dataspace, runs
from shared.store.layer_files import GEOJSON
from shared.store.layers import Publication
from shared.store.store import Store
from tests.store.filled import NOW, TABLE, finished, published, stored
from tests.store.servers import acting

ANNA = acting()


@pytest.mark.parametrize(
    "content",
    [
        '{{"type":"FeatureCollection","crs":{crs},"features":[{feature}]}}',
        '{{"type":"FeatureCollection","\\u0043Rs":{crs},"features":[{feature}]}}',
        '{{"type":"FeatureCollection","features":[{feature},{{"type":"Feature","properties":'
        '{{"nutzung":"x"}},"geometry":{{"type":"Point","coordinates":[1,2],"crs":{crs}}}}}]}}',
    ],
)
@pytest.mark.parametrize("kind", ["url", "link", "Lin\\u006b"])
def test_geojson_makes_nobody_ask_a_server(store_sqlite: Store, content: str, kind: str) -> None:
    """GDAL fetches a coordinate system from any address that the file names."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f'"http://127.0.0.1:{server.server_port}/crs"'
        crs = f'{{"type":"{kind}","properties":{{"url":{address},"href":{address}}}}}'
        feature = (
            '{"type":"Feature","properties":{"nutzung":"url"},'
            '"geometry":{"type":"Point","coordinates":[1,2]}}'
        )
        text = content.format(crs=crs, feature=feature)
        run = finished(store_sqlite, ANNA, "eins")
        schema = {"nutzung": "text", "geometry": "geometry"}
        file = stored(store_sqlite, ANNA, text.encode(), media_type=GEOJSON)
        publication = Publication("aviary/punkt", "Punkte", file, schema, "CC0", "Stadt")
        with pytest.raises(FileTypeRefused):
            dataspace.publish(ANNA, store_sqlite, run.id, publication, now=NOW)
        server.shutdown()
    assert asked == []


def test_no_id_from_an_address_breaks_the_database(store: Store) -> None:
    for look in (runs.get, runs.units, runs.result_files, dataspace.layer_by_id):
        with pytest.raises((NotFound, TextInvalid)):
            look(ANNA, store, "019\0")
    with pytest.raises((NotFound, TextInvalid)):
        dataspace.find_layer(ANNA, store, "aviary/dach", owner="herten\0")


def test_a_file_that_is_deleted_while_it_is_read_is_gone(
    store_sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    layer = published(store_sqlite, ANNA, run)
    found = artifacts.local_path(ANNA, store_sqlite, layer.file)

    def deleted_at_once(*_: object) -> Path:
        found.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(dataspace, "layer_path", deleted_at_once)
    with pytest.raises(FileGone):
        dataspace.read_table(ANNA, store_sqlite, layer.name)
    monkeypatch.setattr(artifacts, "local_path", deleted_at_once)
    with pytest.raises(FileGone):
        again = Publication("aviary/neu", "Neu", layer.file, TABLE, "CC0", "Stadt")
        dataspace.publish(ANNA, store_sqlite, run.id, again, now=NOW)
