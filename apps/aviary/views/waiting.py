"""Whether a person still has to give something before an image can be checked."""

from __future__ import annotations

import streamlit as st

from apps.aviary.inputs.town_example import TownExample
from apps.aviary.recipes import Recipe
from apps.aviary.views.examples import has_enough_marks
from apps.aviary.views.folder import KEY as IN_FOLDER

OF_PAINTED = frozenset({"before"})
OF_TOWN = frozenset({"before", "parcels", "buildings"})
"""Files that an example brings along."""


def is_waiting(recipe: Recipe, example: TownExample | None) -> bool:
    """Say whether image, marks or further files are missing, as far as the session knows.

    Args:
        recipe: Names what it needs.
        example: The example that is offered; None for the painted neighbourhood.
    """
    if "examples" in recipe.inputs and not has_enough_marks():
        return True
    is_example = st.session_state.get("aviary_source") != "file"
    brought = (OF_TOWN if example else OF_PAINTED) if is_example else frozenset()
    files = [one for one in recipe.inputs if one != "examples" and one not in brought]
    if not all(st.session_state.get(f"aviary_file_{one}") for one in files):
        return True
    return not is_example and not (
        st.session_state.get("aviary_upload") or st.session_state.get(IN_FOLDER)
    )
