"""What must hold before and while a process of the model server runs."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from shared.errors import AddressNotLoopback, InternalPortOpen
from shared.settings import Settings, is_loopback, read_or_make_secret

BAD_START = 2
PARENT_POLL_S = 1.0
OPEN_TO_ALL = "0.0.0.0"  # noqa: S104  # BentoML's own default, refused here
_log = logging.getLogger(__name__)


def check_start(
    arguments: Sequence[str], environment: Mapping[str, str], settings: Settings
) -> None:
    """Refuse a start that would open more than the loopback address.

    Args:
        arguments: Command line of the process.
        environment: Its environment variables.
        settings: The secret's file.

    Raises:
        InternalPortOpen: `BENTOML_NO_UDS` would let inner services listen on a port.
        AddressNotLoopback: The server would listen on a network card.
        SecretUnusable: The secret cannot be trusted.
    """
    if "BENTOML_NO_UDS" in environment:
        raise InternalPortOpen()
    if "serve" in arguments and PurePath(arguments[0]).name in ("bentoml", "__main__.py"):
        address = _address(arguments) or environment.get("BENTOML_HOST", OPEN_TO_ALL)
        if not is_loopback(address):
            raise AddressNotLoopback(address=address, name="URBANKI_MODEL_SERVER_HOST")
    read_or_make_secret(settings.model_server_secret_file)


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
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker that outlived its supervisor would keep the port and hinder the next start."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    _log.warning("the supervisor is gone, ending")
    os.kill(os.getpid(), signal.SIGTERM)


def _address(arguments: Sequence[str]) -> str:
    for place, argument in enumerate(arguments):
        if argument == "--host" and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith("--host="):
            return argument.removeprefix("--host=")
    return ""
