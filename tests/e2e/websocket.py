"""A visitor without a browser: speaks Streamlit's protocol over the real websocket."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.e2e.sign_in import COOKIE, shared_cookie

ANSWER_WITHIN_S = 60.0
FAILED = "stException"


@dataclass
class Visitor:
    """An open session.

    Args:
        connection: Websocket.
        pages: Hash of the page script by path, once navigation is known.
        session_id: Streamlit's name of the session, once a script has run.
        texts: What the last run has shown as Markdown, titles and messages.
    """

    connection: ClientConnection
    pages: dict[str, str] = field(default_factory=dict)
    session_id: str = ""
    texts: list[str] = field(default_factory=list)

    def visit(self, path: str = "", query: str = "") -> float:
        """Run a page and return the seconds until its script has finished.

        Raises:
            RuntimeError: The script showed an exception or did not end well.
        """
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.page_script_hash = self.pages.get(path, "")
        request.rerun_script.page_name = "" if path in self.pages else path
        request.rerun_script.context_info.locale = "de-DE"
        self.texts = []
        began = time.perf_counter()
        self.connection.send(request.SerializeToString())
        self._wait_until_finished()
        return time.perf_counter() - began

    def _wait_until_finished(self) -> None:
        while True:
            content = self.connection.recv(ANSWER_WITHIN_S)
            message = ForwardMsg.FromString(content if isinstance(content, bytes) else b"")
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self.pages = {
                    page.url_pathname: page.page_script_hash
                    for page in message.navigation.app_pages
                }
            elif kind == "new_session":
                self.session_id = message.new_session.initialize.session_id
            elif kind == "delta" and message.delta.new_element.HasField("exception"):
                raise RuntimeError(message.delta.new_element.exception.message)
            elif kind == "delta":
                self.texts += _texts(message)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    raise RuntimeError(
                        ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
                    )


def _texts(message: ForwardMsg) -> list[str]:
    element = message.delta.new_element
    return [
        text for text in (element.heading.body, element.markdown.body, element.alert.body) if text
    ]


@contextlib.contextmanager
def visitor(url: str, cookie: str = "", session_id: str = "") -> Iterator[Visitor]:
    """Open a session with a running gallery.

    Args:
        url: Its address.
        cookie: Of somebody's login; by default of whoever has signed in for all.
        session_id: Streamlit's name of a session that shall go on.
    """
    resumed = [Subprotocol("none"), Subprotocol(session_id)] if session_id else []
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    with connect(
        address,
        origin=Origin(url),
        subprotocols=[Subprotocol("streamlit"), *resumed],
        max_size=None,
        additional_headers={
            "Accept-Language": "de",
            "Cookie": f"{COOKIE}={cookie or shared_cookie(url)}",
        },
        proxy=None,
    ) as connection:
        yield Visitor(connection)
