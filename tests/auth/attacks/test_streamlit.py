"""A real Streamlit behind the guard: frames, forgeries and files of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.memory_media_file_storage import _calculate_file_id
from websockets.exceptions import ConnectionClosed

from shared.auth import sessions
from shared.auth.local_accounts import Account
from shared.ui.activity import NO_MESSAGE_CODE
from tests.auth.people import add_account, add_tenant
from tests.auth.small_visits import (
    WITHIN_S,
    Page,
    SmallGallery,
    is_refused,
    made_file,
    open_page,
    running_small_gallery,
    upload_address,
    xsrf,
)

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallGallery]:
    """A server whose log may tell of attacks, but holds no cookie and no error of its own."""
    folder: Path = tmp_path_factory.mktemp("attacked")
    with running_small_gallery(folder) as running:
        yield running
    told = (folder / "log").read_text("utf-8")
    assert "ukg_session" not in told
    assert "Traceback" not in told


def backward(**values: object) -> bytes:
    return BackMsg(**values).SerializeToString()  # type: ignore[arg-type]


def end_of(page: Page) -> int:
    """Wait until a page is closed, and return the code."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            page.connection.recv(WITHIN_S)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def goes_on(page: Page) -> bool:
    """Say whether a page still answers."""
    try:
        page.connection.send(backward(app_heartbeat=True))
        while True:
            content = page.connection.recv(WITHIN_S)
            assert isinstance(content, bytes)
            if ForwardMsg.FromString(content).HasField("heartbeat_ack"):
                return True
    except ConnectionClosed:
        return False


ENDING_FRAMES: dict[str, str | bytes] = {
    "text": "rerun",
    "empty-text": "",
    "json": '{"rerun_script": {}}',
    "garbage": b"\xff" * 64,
    "half": b"\x08",
}


@pytest.mark.parametrize("name", ENDING_FRAMES)
def test_a_frame_of_another_protocol_ends_its_own_page_alone(
    small: SmallGallery, clerk: Account, other: Account, name: str
) -> None:
    with open_page(small, small.sign_in(other)[0]) as neighbour:
        with open_page(small, small.sign_in(clerk)[0]) as page:
            page.connection.send(ENDING_FRAMES[name])
            assert end_of(page) == NO_MESSAGE_CODE
        assert goes_on(neighbour)


HARMLESS_FRAMES = {
    "shut-down": backward(debug_shutdown_runtime=True),
    "disconnect": backward(debug_disconnect_websocket=True),
    "clear-cache": backward(clear_cache=True),
    "run-on-save": backward(set_run_on_save=True),
    "stop": backward(stop_script=True),
}


@pytest.mark.parametrize("name", HARMLESS_FRAMES)
def test_no_frame_reaches_the_pages_of_others(
    small: SmallGallery, clerk: Account, other: Account, name: str
) -> None:
    with open_page(small, small.sign_in(other)[0]) as before:
        kept = before.texts[-1]
        assert kept.startswith("kept=")
    with open_page(small, small.sign_in(clerk)[0]) as page:
        page.connection.send(HARMLESS_FRAMES[name])
        assert goes_on(page)
        with open_page(small, small.sign_in(other)[0]) as after:
            assert after.texts[-1] == kept


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


FORGERIES = {
    "no-token": lambda good, cookie: {"cookie": f"ukg_session={cookie}"},
    "header-missing": lambda good, cookie: without(good, "x-xsrftoken"),
    "cookie-missing": lambda good, cookie: good | {"cookie": f"ukg_session={cookie}"},
    "invented": lambda good, cookie: good | {"x-xsrftoken": "2|00000000|00|1"},
    "empty": lambda good, cookie: good | {"x-xsrftoken": ""},
    "old-version": lambda good, cookie: good | {"x-xsrftoken": "0123456789abcdef" * 2},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_an_upload_needs_the_token_of_its_page(
    small: SmallGallery, clerk: Account, name: str
) -> None:
    """Another site could send a file in the name of whoever is signed in."""
    cookie, _ = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        headers = FORGERIES[name](xsrf(small, cookie), cookie)
        address = upload_address(page.id)
        for method in ("PUT", "DELETE"):
            files = {"file": ("a.bin", b"x")} if method == "PUT" else None
            answer = small.ask(method, address, headers=headers, files=files)
            assert answer.status_code == 403


def test_no_other_site_is_told_that_it_may_upload(small: SmallGallery, clerk: Account) -> None:
    cookie, _ = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        asked = {
            "origin": "http://evil.example",
            "access-control-request-method": "PUT",
            "cookie": f"ukg_session={cookie}",
        }
        for path in (upload_address(page.id), "/_stcore/host-config", "/media/x.png"):
            answer = small.ask("OPTIONS", path, headers=asked)
            allowed = answer.headers.get("access-control-allow-origin", "")
            assert allowed not in {"*", "http://evil.example"}


def test_files_of_a_page_are_for_people_who_are_signed_in(
    small: SmallGallery, clerk: Account
) -> None:
    cookie, session = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        (address,) = page.downloads
        assert small.ask("GET", address, cookie).content == b"das Gleiche fuer alle"
        assert small.ask("GET", address).status_code == 401
        assert small.ask("HEAD", address).status_code == 401
    sessions.end(small.engine, session.id)
    time.sleep(1.1)
    assert small.ask("GET", address, cookie).status_code == 401


def test_the_same_file_has_another_address_for_everybody(
    small: SmallGallery, clerk: Account, other: Account
) -> None:
    """Who knows a file, or its hash, cannot work out where others find it."""
    mine, _ = small.sign_in(clerk)
    with open_page(small, mine) as page, open_page(small, small.sign_in(other)[0]) as theirs:
        assert len({*page.downloads, *theirs.downloads}) == 2
        plain = _calculate_file_id(b"das Gleiche fuer alle", "text/plain", "bericht.txt")
        assert small.ask("GET", f"/media/{plain}.txt", mine).status_code == 403


@pytest.fixture(scope="module")
def of_another_town(small: SmallGallery) -> Account:
    add_tenant(small.engine, "nachbarstadt")
    return add_account(small.engine, "carla", {"nachbarstadt": "admin"})


def addresses(page: Page) -> list[str]:
    """What the page offers, and what it makes when somebody asks."""
    return [*page.downloads, *(made_file(page, file) for file in page.made_when_asked)]


def test_the_exact_link_of_a_file_gives_it_to_nobody_else(
    small: SmallGallery, clerk: Account, other: Account, of_another_town: Account
) -> None:
    cookie, _ = small.sign_in(clerk)
    strangers = [small.sign_in(account)[0] for account in (clerk, other, of_another_town)]
    with open_page(small, cookie) as page, open_page(small, cookie) as second_tab:
        for address in [*addresses(page), *addresses(second_tab)]:
            assert small.ask("GET", address, cookie).status_code == 200
            name = address.removeprefix("/media/")
            for stranger in strangers:
                for method in ("GET", "HEAD", "OPTIONS", "PUT"):
                    assert small.ask(method, address, stranger).status_code == 403
                part = {"range": "bytes=0-3"}
                headers = part | {"cookie": f"ukg_session={stranger}"}
                assert small.ask("GET", address, headers=headers).status_code == 403
                for detour in ("/sovia/media/", "/media/./", "/Media/", "/app/media/"):
                    assert not holds_file(small.ask("GET", f"{detour}{name}", stranger))


def test_who_asks_for_the_file_of_another_page_gets_no_address_that_works(
    small: SmallGallery, clerk: Account, other: Account
) -> None:
    cookie, _ = small.sign_in(clerk)
    with (
        open_page(small, small.sign_in(other)[0]) as theirs,
        open_page(small, cookie) as page,
    ):
        address = made_file(page, theirs.made_when_asked[0])
        assert small.ask("GET", address, cookie).status_code == 403


def test_after_the_logout_a_new_login_opens_no_file_of_before(
    small: SmallGallery, clerk: Account
) -> None:
    cookie, session = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        found = addresses(page)
        assert len(found) == 2
        sessions.end(small.engine, session.id)
        time.sleep(1.1)
        again, _ = small.sign_in(clerk)
        for address in found:
            assert small.ask("GET", address, cookie).status_code == 401
            assert small.ask("GET", address, again).status_code == 403


def holds_file(answer: httpx.Response) -> bool:
    return b"das Gleiche fuer alle" in answer.content or b"erst jetzt gemacht" in answer.content


@pytest.mark.parametrize("name", ["0", "%2e%2e%2fgallery.db", "..%5cgallery.db", "gallery.db"])
def test_no_address_of_a_file_leads_out_of_the_store(
    small: SmallGallery, clerk: Account, name: str
) -> None:
    cookie, _ = small.sign_in(clerk)
    for folder in ("media", "static", "app/static", "component/streamlit_folium.st_folium"):
        answer = small.ask("GET", f"/{folder}/{name}", cookie)
        assert b"SQLite format" not in answer.content
        assert answer.status_code in {200, 400, 403, 404}
        if answer.status_code == 200:
            assert "text/html" in answer.headers["content-type"]


def test_a_page_that_has_ended_is_not_resumed(small: SmallGallery, clerk: Account) -> None:
    cookie, session = small.sign_in(clerk)
    with open_page(small, cookie) as page:
        kept = page.id
    sessions.end(small.engine, session.id)
    time.sleep(1.1)
    assert is_refused(small, cookie, resumed=kept)
    again, _ = small.sign_in(clerk)
    with open_page(small, again, resumed=kept) as fresh:
        assert fresh.id != kept
        assert "runs=1" in fresh.texts
