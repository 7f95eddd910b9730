"""The real service in this process, behind a real port, with models that tests can replace."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from model_server.card import Card, load_card
from model_server.catalog import BUILT_IN, ServableModel
from model_server.engine import Engine
from model_server.tasks.segment import SegmentModel
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.identity.principal import Role
from shared.settings import Settings, get_settings
from tests.oidc.conftest import browser, house, realm, stub  # noqa: F401  # a provider to sign in at

# The library of figures looks for this folder once, when it is imported.
FIGURES = tempfile.TemporaryDirectory(prefix="urbanki-test-figures-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = FIGURES.name
with warnings.catch_warnings():
    # BentoML and what it imports use names that their own dependencies deprecate.
    warnings.simplefilter("ignore")
    import bentoml

    import model_server.inputs  # noqa: F401


WHITE_IS_POISON = 0.999
START_WITHIN_S = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """BentoML 1.4.39 reads an attribute in a way that pydantic deprecates."""
    ignore = pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute")
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(ignore)


class BrightnessRuntime:
    """Finds one object in the middle of each image; its score is the image's mean brightness.

    An image that is wholly white makes the whole batch fail. `change` falsifies the results.
    """

    name = "onnxruntime"
    device = "cpu"
    input_shape = (None, 3, None, None)

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.change: Callable[[list[Any]], list[Any]] = lambda results: results
        self.delay_s = 0.0
        self.batches: list[int] = []

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        self.batches.append(len(inputs))
        time.sleep(self.delay_s)
        if any(image.mean() > WHITE_IS_POISON for image in inputs):
            raise ValueError("poison")
        return self.change([{"output0": self._head(image)} for image in inputs])

    @staticmethod
    def _head(image: np.ndarray) -> np.ndarray:
        box = np.array([32, 24, 16, 12], dtype=np.float32)
        return np.concatenate([box, [image.mean()]])[:, np.newaxis].astype(np.float32)


def brightness_card(**changes: Any) -> Card:
    """Return a card like the shipped solar model's, for fakes that find boxes of one class."""
    return fake_card(load_card(next((BUILT_IN / "solar").iterdir()) / "card.toml"), **changes)


def fake_card(card: Card, **changes: Any) -> Card:
    """Return a card as `BrightnessRuntime` needs it: boxes of the first class alone."""
    fake = {"architecture": "yolo_detect", "classes": card.classes[:1]}
    return card.model_copy(update=fake | changes)


@dataclass
class Service:
    """The service under test.

    Args:
        url: Its address.
        engine: Its engine, so that tests can look inside.
        settings: Settings that lead to it.
    """

    url: str
    engine: Engine
    settings: Settings

    @property
    def token(self) -> str:
        """A bearer token of an administrator."""
        return self.token_of("admin")

    def token_of(self, role: Role, subject: str = "test") -> str:
        """Return a bearer token of somebody else."""
        return InstallationToken(self.settings, role=role, subject=subject).token()

    def client(self, role: Role = "admin", subject: str = "test") -> httpx.Client:
        """Return an HTTP client that is signed in, for longer than one token is good."""
        source = InstallationToken(self.settings, role=role, subject=subject)

        def sign(request: httpx.Request) -> httpx.Request:
            request.headers.setdefault("Authorization", f"Bearer {source.token()}")
            return request

        return httpx.Client(
            base_url=self.url,
            auth=sign,
            timeout=120,
            trust_env=False,
        )

    def fake_solar(self) -> BrightnessRuntime:
        """Put a fake runtime under the solar model until the engine is reset."""
        model = self.engine.catalog.find("solar")
        assert isinstance(model, ServableModel)
        runtime = BrightnessRuntime()
        fake = SegmentModel(model, runtime)
        limits = model.card.limits.model_copy(update={"max_batch": 8})
        fake.card = fake_card(model.card, limits=limits)
        self.engine.shelf.put(model, fake)
        return runtime


@pytest.fixture(scope="session")
def _running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    import uvicorn

    folder = tmp_path_factory.mktemp("service")
    chosen = {
        "URBANKI_DATA_DIR": str(folder),
        "URBANKI_MODEL_SERVER_PRELOAD": "solar",
        "URBANKI_METRICS_TOKEN": "only-for-figures",
        "URBANKI_RATE_SACHBEARBEITUNG": "10000/100000",
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    # The service reads its settings when it is imported; the other tests shall not meet them.
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name, value in chosen.items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        warnings.simplefilter("ignore")
        from model_server.service import SETTINGS, ModelServer
    get_settings.cache_clear()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(ModelServer.to_asgi(), log_config=None, lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_WITHIN_S
        while not server.started and time.monotonic() < until:
            time.sleep(0.05)
        assert server.started
        engine: Engine = bentoml.get_current_service().engine
        while engine.waiting_for and time.monotonic() < until:
            time.sleep(0.05)
        assert not engine.waiting_for
        settings = SETTINGS.model_copy(update={"model_server_url": f"http://127.0.0.1:{port}"})
        yield Service(settings.model_server_url, engine, settings)
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def service(_running_service: Service) -> Iterator[Service]:
    """The service with the models that ship; fakes are taken out again after the test."""
    loaded = _running_service.engine.shelf._loaded
    before = dict(loaded)
    yield _running_service
    loaded.clear()
    loaded.update(before)
