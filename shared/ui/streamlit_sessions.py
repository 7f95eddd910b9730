"""Whose a page of Streamlit is: of the login that opened its websocket; whose its files are."""

from __future__ import annotations

import secrets

from streamlit import runtime
from streamlit.runtime import memory_media_file_storage as file_storage
from streamlit.runtime.scriptrunner import get_script_run_ctx


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


def keep_files_apart() -> None:
    """Give the files of each page addresses that nobody else can work out.

    Streamlit names a file by a hash of its content and gives it to everybody who knows the name;
    of large files it hashes parts, so those of two people could get one name. The function is
    private; a contract test holds it in place.
    """
    real, secret = file_storage._calculate_file_id, secrets.token_hex()

    def file_id(data: bytes, mimetype: str, filename: str | None = None) -> str:
        context = get_script_run_ctx()
        page = "" if context is None else context.session_id
        return real(data, mimetype, f"{secret} {page} {filename or ''}")

    file_storage._calculate_file_id = file_id
