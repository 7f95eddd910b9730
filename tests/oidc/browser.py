"""A browser that knows forms and cookies, and can stop where the gallery's own pages begin."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.oidc.realm import RETURN, Person

MOST_STEPS = 12
_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)


class SignInPage(Exception):
    """The provider asks who it is and nobody answers, or refuses the answer."""


class Browser:
    """One browser with its own cookies at the provider.

    Args:
        stops: Addresses where it goes no further.
        transports: Ways to addresses that nobody answers at in tests.
    """

    def __init__(
        self,
        stops: tuple[str, ...] = tuple(RETURN.values()),
        transports: Mapping[str, httpx.BaseTransport] | None = None,
    ) -> None:
        self._client = httpx.Client(timeout=60, mounts=transports)
        self._stops = stops
        self.forms = 0

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def go(self, url: str, person: Person | None = None, password: str = "") -> str:
        """Follow redirects and forms until the provider sends the browser to the gallery.

        Args:
            url: Where to begin.
            person: Who signs in; None expects that nobody is asked.
            password: Another password than the right one.

        Raises:
            SignInPage: The login form came up and was not passed.
        """
        answer = self._client.get(url)
        for _ in range(MOST_STEPS):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(self._stops):
                    return target
                answer = self._client.get(target)
                continue
            form = _FORM.search(answer.text)
            if form is None:
                return str(answer.url)
            answer = self._submit(str(answer.url), form[0], person, password)
            person = None
        raise SignInPage("no end")

    def answer(self, url: str, person: Person | None = None) -> list[tuple[str, str]]:
        """Sign in and return the query that the provider sends to the gallery."""
        return parse_qsl(urlsplit(self.go(url, person)).query, keep_blank_values=True)

    def _submit(self, page: str, form: str, person: Person | None, password: str) -> httpx.Response:
        values = {}
        for tag in re.findall(r"<input\b[^>]*>", form):
            name, value = _attribute(tag, "name"), _attribute(tag, "value")
            if name:
                values[name] = value
        if "username" in values or "kc-form-login" in form:
            if person is None:
                raise SignInPage(page)
            self.forms += 1
            values |= {"username": person.username, "password": password or person.password}
        target = urljoin(page, _attribute(form, "action"))
        return self._client.post(target, data=values)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
