"""Who may do what at the model server: bearer token, policy table, limit per subject."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers

from model_server.rates import TokenBuckets, read_rates, whole_seconds
from model_server.token_checks import token_check
from shared.contracts.identity.policy import (
    MODEL_CATALOG,
    MODEL_METRICS,
    MODEL_RELOAD,
    TASKS,
    model_call,
    refusal,
    require,
)
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.tokens import TokenRefused
from shared.errors import ModelServerBusy
from shared.settings import Settings

METRICS_PATH = "/metrics"
CATALOG_PATH = "/models"
RELOAD_PATH = "/models/reload"
_SCHEME = "Bearer "
_WAIT_AT_ONCE = 4
"""Threads that wait for the provider's keys must not be all that the process has."""
_TASK_PATHS = {f"/{task}": task for task in TASKS}


class Access:
    """Decides about requests from their headers alone.

    Args:
        settings: How tokens are checked, limits and the token for figures.
        wall_clock: Gives Unix time in seconds, for the times in tokens.
        steady_clock: Gives seconds and never goes back, for waits.
    """

    def __init__(
        self,
        settings: Settings,
        wall_clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = token_check(settings)
        self._waiting = CapacityLimiter(_WAIT_AT_ONCE)
        self._metrics_token = settings.metrics_token.encode()
        self._buckets = TokenBuckets(read_rates(settings))
        self._wall_clock = wall_clock
        self._steady_clock = steady_clock

    async def identify_later(self, path: str, headers: Headers) -> Principal | None:
        """Do the same as `identify`, without holding all others up while keys are fetched."""
        if self._tokens.is_at_hand(_bearer(headers), self._steady_clock()):
            return self.identify(path, headers)
        work = partial(self.identify, path, headers)
        return await to_thread.run_sync(work, limiter=self._waiting)

    def identify(self, path: str, headers: Headers) -> Principal | None:
        """Return who asks; None for a program that reads figures with their own token.

        Args:
            path: Path of the request.
            headers: Its headers.

        Raises:
            TokenRefused: The token is missing or not valid.
            ModelServerNotReady: There are no public keys yet.
        """
        token = _bearer(headers)
        if path == METRICS_PATH and self._is_metrics_token(token):
            return None
        return self._tokens.verify(token, self._wall_clock(), self._steady_clock())

    def count(self, principal: Principal) -> None:
        """Count a task request.

        Raises:
            ModelServerBusy: The subject asks too often; carries the seconds to wait.
        """
        wait_s = self._buckets.take(principal.subject, principal.role, self._steady_clock())
        if wait_s > 0:
            raise ModelServerBusy(retry_after_s=whole_seconds(wait_s))

    def _is_metrics_token(self, token: str) -> bool:
        given = token.encode("utf-8", "surrogateescape")
        return bool(self._metrics_token) and hmac.compare_digest(given, self._metrics_token)


def require_path(principal: Principal | None, path: str) -> None:
    """Refuse a path that the role may not use.

    Args:
        principal: What `Access.identify` has found.
        path: The path it was asked for.

    Raises:
        NotAllowed: The role may not do this.
    """
    if principal is not None:
        require(principal, action_of(path))


def require_model(principal: Principal | None, task: str, quality: str) -> None:
    """Refuse a model that is not for everybody, as soon as it is known which one is meant.

    Args:
        principal: Who asks.
        task: What the model is to do.
        quality: Quality that its card states.

    Raises:
        NotAllowed: The principal is unknown, or a guest and the model no demonstration.
    """
    if principal is None:
        raise refusal(model_call(task))
    require(principal, model_call(task), quality=quality)


def action_of(path: str) -> str:
    """Return the action that the policy table knows for a path.

    Whatever is neither task nor catalogue describes the server to its operators: figures,
    interface documents and their pages. Paths that do not exist count among them.
    """
    if path in _TASK_PATHS:
        return model_call(_TASK_PATHS[path])
    if path.rstrip("/") == RELOAD_PATH:
        return MODEL_RELOAD
    if path == CATALOG_PATH or path.startswith(f"{CATALOG_PATH}/"):
        return MODEL_CATALOG
    return MODEL_METRICS


def _bearer(headers: Headers) -> str:
    given = headers.getlist("authorization")
    if len(given) != 1 or not given[0].startswith(_SCHEME):
        raise TokenRefused("missing")
    return given[0].removeprefix(_SCHEME)
