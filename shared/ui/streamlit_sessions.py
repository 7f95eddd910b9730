"""Whose a page of Streamlit is: of the login that opened its websocket; whose its files are."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextvars import ContextVar

from streamlit import runtime
from streamlit.runtime import memory_media_file_storage as file_storage
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SECRET = secrets.token_bytes()
_asked_by: ContextVar[str] = ContextVar("asked_by", default="")
"""The page whose file is being made because somebody asks for it, outside a run of its script."""


def header_at_connect(streamlit_session: str, header: str) -> str:
    """Return a header of the websocket that shows a page.

    `get_client` asks the runtime's private `_session_mgr`; a contract test holds it in place.

    Args:
        streamlit_session: Streamlit's id of the page, as it stands in the address of an upload.
        header: Name in small letters.

    Returns:
        Empty where no such page is open, or it came without the header or with two.
    """
    if not runtime.exists():
        return ""
    client = runtime.get_instance().get_client(streamlit_session)
    context = None if client is None else client.client_context
    if context is None:
        return ""
    values = [value for name, value in context.headers if name.lower() == header]
    return values[0] if len(values) == 1 else ""


def file_mark(login: str) -> str:
    """Return how the names of all files begin that this process makes for a login.

    So a name alone says whose a file is: nothing has to be remembered, and nothing grows.

    Args:
        login: Name of the session of the gallery.

    Returns:
        64 hexadecimal digits.
    """
    return hmac.new(_SECRET, login.encode(), hashlib.sha256).hexdigest()


def keep_files_apart(login_header: str) -> None:
    """Name the files of pages so that the guard knows whose they are, and nobody can guess them.

    Streamlit names a file by a hash of its content and gives it to everybody who knows the name;
    of large files it hashes parts, so those of two people could get one name. What is made here
    is private to Streamlit; contract tests hold it in place.

    Args:
        login_header: With it the guard names the session of the gallery, in small letters.
    """
    real_id, real_execute = file_storage._calculate_file_id, MediaFileManager.execute_deferred

    def file_id(data: bytes, mimetype: str, filename: str | None = None) -> str:
        context = get_script_run_ctx()
        page = _asked_by.get() if context is None else context.session_id
        # Without a page that is open, nobody may fetch it.
        login = header_at_connect(page, login_header) or secrets.token_hex()
        return file_mark(login) + real_id(data, mimetype, f"{page} {filename or ''}")

    def execute_deferred(self: MediaFileManager, file_id: str) -> str:
        entry = self._deferred_callables.get(file_id)
        token = _asked_by.set("" if entry is None else entry["session_id"])
        try:
            return real_execute(self, file_id)
        finally:
            _asked_by.reset(token)

    file_storage._calculate_file_id = file_id
    MediaFileManager.execute_deferred = execute_deferred  # type: ignore[method-assign]
