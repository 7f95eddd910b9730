"""What must hold before and while a process of the model server runs."""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import psutil

from model_server.token_checks import token_check
from shared.contracts.identity.jwks import read_key_set
from shared.errors import AddressPublic, InternalPortOpen
from shared.settings import OWNER_VARIABLE, Settings, is_loopback

BAD_START = 2
CONTROL = "inproc://urbanki-control"
EVENTS = "inproc://urbanki-events"
PARENT_POLL_S = 1.0
OPEN_TO_ALL = "0.0.0.0"  # noqa: S104  # BentoML's own default, refused here
_log = logging.getLogger(__name__)


def check_start(
    arguments: Sequence[str], environment: Mapping[str, str], settings: Settings
) -> None:
    """Refuse a start that would open more than was allowed.

    Args:
        arguments: Command line of the process.
        environment: Its environment variables.
        settings: Whether other machines may come in, and the file of the public keys.

    Raises:
        InternalPortOpen: `BENTOML_NO_UDS` would let inner services listen on a port.
        AddressPublic: The server would listen on a network card and nobody has allowed it.
        KeySetMissing: The same, and there is no key that could keep strangers out.
        KeySetPlaceholder: The key set is a template or holds a key that everybody knows.
        KeySetUnusable: The key set cannot be trusted.
        SettingInvalid: People sign in at a provider whose settings do not fit together.
        GpuUnusable: A GPU is demanded that cannot be used.
    """
    if "BENTOML_NO_UDS" in environment:
        raise InternalPortOpen()
    if not is_supervisor(arguments):
        return
    address = _address(arguments) or environment.get("BENTOML_HOST", OPEN_TO_ALL)
    is_open = not is_loopback(address)
    if is_open and not settings.public:
        raise AddressPublic(address=address)
    if settings.auth_mode == "keycloak":
        token_check(settings)
    # On this machine alone the gallery may still be about to make the keys.
    elif is_open or settings.key_set_file.exists():
        read_key_set(settings.key_set_file)
    if settings.device == "cuda":
        # Brings its engine along, which the supervisor does not need otherwise.
        from model_server.runtime import check_device, is_gpu_visible

        check_device(settings.device, is_gpu_visible(environment))


def is_supervisor(arguments: Sequence[str]) -> bool:
    """Say whether this process is the `bentoml serve` that starts the workers."""
    return "serve" in arguments and PurePath(arguments[0]).name in ("bentoml", "__main__.py")


def set_up_supervisor(environment: Mapping[str, str]) -> None:
    """Close the supervisor's control port and end together with the command that wants it.

    Args:
        environment: Environment variables of the process.
    """
    close_control_port()
    owner = environment.get(OWNER_VARIABLE, "")
    if owner.isdigit():
        _watch(int(owner))


def close_control_port() -> None:
    """Keep the control sockets of the supervisor's library (circus) inside its process.

    It would bind them to loopback ports, where any account of this machine may tell it, without a
    password, which programs to run. BentoML 1.4.39 has no setting for that.
    """
    from circus.arbiter import Arbiter

    start = Arbiter.__init__

    @functools.wraps(start)
    def start_closed(
        self: object, watchers: object, endpoint: str, pubsub_endpoint: str, **more: object
    ) -> None:
        del endpoint, pubsub_endpoint
        start(self, watchers, CONTROL, EVENTS, **more)

    Arbiter.__init__ = start_closed


def is_worker(arguments: Sequence[str]) -> bool:
    """Say whether this process is a worker that BentoML's supervisor started."""
    return "--worker-id" in arguments


def set_up_worker(settings: Settings) -> None:
    """Write the log to the standard error stream and end together with the supervisor."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("model_server")
    logger.addHandler(handler)
    logger.setLevel(settings.log_level)
    logger.propagate = False
    forget_dead_workers(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
    _watch(os.getppid())


def forget_dead_workers(folder: str) -> None:
    """Take the gauges of killed workers out of the figures; nobody else does.

    Args:
        folder: Where the workers of this server share their figures.
    """
    from prometheus_client.multiprocess import mark_process_dead

    for file in Path(folder or os.devnull).glob("gauge_live*_*.db"):
        process_id = file.stem.rpartition("_")[2]
        if process_id.isdigit() and not psutil.pid_exists(int(process_id)):
            mark_process_dead(int(process_id), folder)  # type: ignore[no-untyped-call]


def _watch(parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()


def _end_with(parent: int) -> None:
    """What outlived its parent would keep the port and the memory."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    _log.warning("the parent process is gone, ending")
    os.kill(os.getpid(), signal.SIGTERM)


def _address(arguments: Sequence[str]) -> str:
    """Return the last address given, the one that counts."""
    address = ""
    for place, argument in enumerate(arguments):
        if argument == "--host" and place + 1 < len(arguments):
            address = arguments[place + 1]
        elif argument.startswith("--host="):
            address = argument.removeprefix("--host=")
    return address
