"""Whose a session of Streamlit is: of the login with which its websocket was opened."""

from __future__ import annotations

from streamlit import runtime


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
