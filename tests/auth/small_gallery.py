"""A real Streamlit server with one page behind the guard: `python -m tests.auth.small_gallery`.

Arguments: folder of the database, port, file of the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from shared.auth.guard import Guard, GuardRules
from shared.auth.routes import account_routes
from shared.auth.security_headers import content_security_policy
from shared.auth.services import account_services
from shared.auth.upload_rules import SESSION_HEADER
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.themes import load_theme
from shared.ui.activity import Activity
from shared.ui.server_options import server_options
from shared.ui.streamlit_sessions import keep_files_apart
from tests.auth.people import LIMITS

MOST_UPLOAD = 300_000
PAGE = """
import time
import streamlit as st
@st.cache_data
def kept():
    return time.monotonic_ns()
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.write(f"user={sorted(dict(st.user).items())}")
st.write(f"runs={st.session_state.runs}")
st.file_uploader("Datei", key="file")
st.download_button("Bericht", b"das Gleiche fuer alle", file_name="bericht.txt")
st.download_button("Liste", lambda: b"erst jetzt gemacht", file_name="liste.txt")
st.write(f"kept={kept()}")
"""


def main(data_dir: str, port: str, page: str) -> None:
    settings = Settings(_env_file=None, data_dir=Path(data_dir), port=int(port))
    services = account_services(make_engine(settings), settings, LIMITS, "Galerie")
    rules = GuardRules(
        hosts=frozenset(),
        proxies=(),
        apps=dict,
        max_upload_bytes=MOST_UPLOAD,
        policy=content_security_policy(),
        frame_policy=content_security_policy(frame=True),
    )
    keep_files_apart(SESSION_HEADER)
    app = st.App(
        Path(page),
        routes=account_routes(services),
        middleware=[
            Middleware(Guard, services=services, rules=rules),
            Middleware(Activity, services=services),
        ],
    )
    app.run(config=server_options(settings, load_theme("default")))


if __name__ == "__main__":
    main(*sys.argv[1:])
