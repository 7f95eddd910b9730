"""What reaches the running gallery from outside: host names, paths, uploads; what it has loaded."""

import socket
import time
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from tests.e2e.browser import observed_page
from tests.e2e.gallery_process import RunningGallery
from tests.e2e.sign_in import COOKIE
from tests.shared.app_folders import takes_uploads, upload_path
from tests.timing import PATIENCE_S

CLOSED = (
    *("/_stcore/metrics", "/_stcore/host-config", "/_stcore/upload_file/a/b"),
    *("/media/0123456789abcdef.png", "/component/x/index.html", "/static/js/index.js"),
)
WRONG_FILES = {
    "leer": b"",
    "text": b"Das ist kein Bild, nur Text.\n" * 20,
    "abgeschnitten": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x10\x00",
    "programm": b"MZ\x90\x00" + bytes(range(256)) * 8,
    "seite": b"<html><script>alert(1)</script></html>",
}


def test_both_servers_listen_on_loopback_only(gallery: RunningGallery) -> None:
    addresses = {
        connection.laddr.ip
        for part in ("streamlit", "bentoml")
        for process in gallery.part(part)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.5:8501", "127.0.0.1.evil.example"])
def test_foreign_host_name_is_refused(gallery: RunningGallery, host: str) -> None:
    for url in (gallery.url, f"{gallery.url}/_stcore/health"):
        assert httpx.get(url, headers={"Host": host}).status_code == 400


def test_foreign_origin_gets_no_websocket(gallery: RunningGallery) -> None:
    host, port = gallery.url.removeprefix("http://").split(":")
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n"
        f"Cookie: {COOKIE}={gallery.cookies[COOKIE]}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(64).decode("latin-1")
    assert " 403 " in answer


@pytest.mark.parametrize("path", ["/..%2f..%2fetc/passwd", "//etc/passwd"])
def test_path_tricks_are_refused(gallery: RunningGallery, path: str) -> None:
    answer = httpx.get(f"{gallery.url}{path}", cookies=gallery.cookies)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_login_nothing_answers(gallery: RunningGallery, path: str) -> None:
    assert httpx.get(f"{gallery.url}{path}").status_code == 401


def test_without_a_login_pages_lead_to_the_form(gallery: RunningGallery) -> None:
    answer = httpx.get(f"{gallery.url}/aviary?beispiel=1")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/konto/anmelden?weiter=%2Faviary%3Fbeispiel%3D1"
    assert httpx.put(f"{gallery.url}/_stcore/upload_file/a/b").status_code == 401


def test_answers_carry_the_security_headers(gallery: RunningGallery) -> None:
    headers = httpx.get(gallery.url).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http:" not in headers["content-security-policy"]


def test_health_tells_the_state_and_no_secret(gallery: RunningGallery) -> None:
    deadline = time.monotonic() + 60
    while (answer := httpx.get(f"{gallery.url}/healthz")).json()["model_server"] != "ready":
        assert answer.status_code == 200
        assert time.monotonic() < deadline
        time.sleep(0.2)
    key = (gallery.data_dir / "keys" / "installation.pem").read_text(encoding="ascii")
    secret = key.splitlines()[1]
    assert len(secret) == 64
    assert secret not in answer.text
    assert secret not in gallery.log("gallery") + gallery.log("model_server")


def test_model_server_asks_for_a_token(gallery: RunningGallery) -> None:
    for path in ("/models", "/metrics"):
        assert httpx.get(f"{gallery.model_server_url}{path}").status_code == 401
    assert httpx.get(f"{gallery.model_server_url}/livez").status_code == 200


def test_unknown_page_is_a_german_404(gallery: RunningGallery) -> None:
    url, headers = f"{gallery.url}/gibt-es-nicht", {"Accept-Language": "de"}
    answer = httpx.get(url, headers=headers, cookies=gallery.cookies)
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht." in answer.text
    assert '<html lang="de">' in answer.text


def test_no_process_has_loaded_torch(gallery: RunningGallery) -> None:
    """Shared libraries of the running processes, as the kernel lists them."""
    loaded = {
        part: " ".join(
            entry.path for process in gallery.part(part) for entry in process.memory_maps()
        )
        for part in ("streamlit", "bentoml")
    }
    assert "libtorch" not in loaded["streamlit"] + loaded["bentoml"]
    assert "onnxruntime" not in loaded["streamlit"]
    assert "onnxruntime" in loaded["bentoml"], "the model server serves with ONNX Runtime"


@pytest.mark.parametrize(
    "app", [app for app in manifests() if takes_uploads(app)], ids=lambda app: app.id
)
@pytest.mark.parametrize("kind", WRONG_FILES)
def test_wrong_upload_is_refused_in_german(
    browser: Browser, gallery: RunningGallery, app: AppManifest, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"{kind}.png"
    file.write_bytes(WRONG_FILES[kind])
    with observed_page(browser, gallery.url) as observed:
        observed.open(upload_path(app.id))
        page = observed.page
        page.get_by_text("Eigene Datei", exact=True).click()
        page.locator('input[type="file"]').set_input_files(file)
        page.locator('[data-testid="stAlert"]').filter(has_text="Vorgangsnummer").wait_for()
        observed.settle()
        text = page.locator("body").inner_text()
        assert "Traceback" not in text
        assert page.locator('[data-testid="stException"]').count() == 0
        assert page.locator('[data-testid="stBaseButton-primary"]:enabled').count() == 0
        assert observed.console_errors == []
