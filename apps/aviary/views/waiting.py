"""Whether a person still has to give something before an image can be checked."""

from __future__ import annotations

import streamlit as st

from apps.aviary.recipes import Recipe
from apps.aviary.views.examples import has_enough_marks
from apps.aviary.views.folder import KEY as IN_FOLDER


def is_waiting(recipe: Recipe) -> bool:
    """Say whether image, marks or further files are missing, as far as the session knows.

    Args:
        recipe: Names what it needs.
    """
    if "examples" in recipe.inputs and not has_enough_marks():
        return True
    if st.session_state.get("aviary_source") != "file":
        return False
    files = [one for one in recipe.inputs if one != "examples"]
    if not all(st.session_state.get(f"aviary_file_{one}") for one in files):
        return True
    return not (st.session_state.get("aviary_upload") or st.session_state.get(IN_FOLDER))
