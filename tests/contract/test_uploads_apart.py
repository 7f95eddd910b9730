"""No page opens an upload in the gallery's own process. Parametrised over the registry."""

import io
from dataclasses import replace

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from shared import limited_reading
from shared.limited_reader import Order
from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.settings import REPOSITORY
from tests.shared.app_folders import ASKED_FIRST, takes_uploads

pytestmark = [pytest.mark.usefixtures("no_model_server"), pytest.mark.timeout(180)]
REFUSED = "braucht zu viel Zeit oder Arbeitsspeicher"
"""What the address says where a page asks for something before the file."""


def own_file(page: AppTest, app: AppManifest) -> AppTest:
    """Choose a picture; every app with uploads takes PNG."""
    target = io.BytesIO()
    Image.effect_noise((400, 560), 90).convert("RGB").save(target, "PNG")
    page.radio(key=f"{app.id}_source").set_value("file").run()
    return page.file_uploader[0].set_value(("bild.png", target.getvalue(), "image/png")).run()


def errors(page: AppTest) -> str:
    assert not page.exception
    return "".join(str(error.proto) for error in page.error)


@pytest.mark.parametrize(
    "app", [app for app in manifests() if not takes_uploads(app)], ids=lambda app: app.id
)
def test_an_app_without_uploads_has_no_place_for_them(app: AppManifest) -> None:
    sources = (REPOSITORY / "apps" / app.id).rglob("*.py")
    assert not any("upload" in path.read_text(encoding="utf-8") for path in sources)


@pytest.mark.parametrize(
    "app", [app for app in manifests() if takes_uploads(app)], ids=lambda app: app.id
)
def test_an_upload_is_opened_in_a_process_of_its_own(
    app: AppManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = limited_reading._ask

    def count(order: Order, question: bytes, content: bytes) -> bytes:
        asked.append(order.function)
        return ask(order, question, content)

    monkeypatch.setattr(limited_reading, "_ask", count)
    no_time = replace(limited_reading.LIMITS, wall_s=0)
    page = AppTest.from_file(str(REPOSITORY / "apps" / app.id / "page.py"), default_timeout=90)
    for name, value in ASKED_FIRST.get(app.id, {}).items():
        page.query_params[name] = value
    page.run()
    assert not asked, "the own example needs no other process"
    with monkeypatch.context() as patch:
        patch.setattr(limited_reading, "LIMITS", no_time)
        page = own_file(page, app)
        assert REFUSED in errors(page)
        assert REFUSED in errors(page.run())
    assert len(asked) == 1, "a refusal is remembered"
    page.file_uploader[0].set_value(None).run()
    assert not errors(page)
    assert not errors(own_file(page, app))
    assert len(asked) == 2, "another choice is another try"
