"""Somebody with an account, who signs in at a running gallery as browsers do, once for each."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import Engine

from shared.auth import local_accounts
from shared.auth.account_paths import SIGN_IN
from shared.auth.cookies import session_cookie
from shared.auth.local_accounts import Account
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.pages import NAME_FIELD, PASSWORD_FIELD
from shared.auth.tenants import insert_home_tenant
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.settings import Settings
from shared.store.engine import make_engine, session_scope

NAME, SHOWN_NAME, PASSWORD = "kim.lee", "Kim Lee", "Hafen-Biene-Wolke-Tulpe-407"
COOKIE = session_cookie(secure=False).name
_TOKEN = re.compile(rf'name="{TOKEN_FIELD}" value="([^"]+)"')
_cookies: dict[str, str] = {}


def add_account(data_dir: Path, name: str = NAME, role: Role = "admin") -> Account:
    """Make an account with a password of its own in the database of a running gallery."""
    engine = make_engine(Settings(_env_file=None, data_dir=data_dir))
    try:
        return _add_account(engine, name, role)
    finally:
        engine.dispose()


def _add_account(engine: Engine, name: str, role: Role) -> Account:
    with session_scope(engine) as session:
        insert_home_tenant(session)
    shown = SHOWN_NAME if name == NAME else name
    made = local_accounts.create_account(
        engine, name, shown, {HOME_TENANT: role}, PASSWORD, now=datetime.now(UTC)
    )
    return made[0]


def new_cookie(origin: str, name: str = NAME, password: str = PASSWORD) -> str:
    """Fill in the form of a running gallery and return the value of the session's cookie.

    Raises:
        RuntimeError: Signing in was refused.
    """
    with httpx.Client(base_url=origin, trust_env=False, timeout=30) as client:
        (token,) = _TOKEN.findall(client.get(SIGN_IN).text)
        typed = {TOKEN_FIELD: token, NAME_FIELD: name, PASSWORD_FIELD: password}
        answer = client.post(SIGN_IN, data=typed, headers={"origin": origin})
        cookie = client.cookies.get(COOKIE)
    if answer.status_code != 303 or cookie is None:
        message = f"nobody was signed in: {answer.status_code} {answer.text[:500]}"
        raise RuntimeError(message)
    return cookie


def sign_in_for_all(origin: str, data_dir: Path) -> Principal:
    """Let every later visit of this process to a gallery be that of one signed-in person."""
    account = add_account(data_dir)
    _cookies[origin] = new_cookie(origin)
    return account.principal()


def shared_cookie(origin: str) -> str:
    """Return the cookie of `sign_in_for_all`; empty where nobody has signed in."""
    return _cookies.get(origin, "")


def share_cookie(origin: str, cookie: str) -> None:
    """Let every later visit of this process to a gallery bring a cookie that somebody has."""
    _cookies[origin] = cookie
