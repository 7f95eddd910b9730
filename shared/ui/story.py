"""The panel of a story: what a visitor reads while the page shows it, step by step.

The step stands in the address, so a reload shows it again. The result is that of the app's example,
which was worked off before (`shared.jobs.samples`); a step waits for nothing else.
"""

from __future__ import annotations

import base64
from html import escape

import streamlit as st

from shared.i18n import Translator
from shared.registry.manifest import AppManifest
from shared.registry.start_pictures import StartPicture, start_pictures
from shared.registry.story import Story, StoryStep
from shared.ui.ending import end_page
from shared.ui.kiosk import HOME_SCRIPT, story_of

STORY_PARAMETER = "geschichte"


def tell_story(manifest: AppManifest, t: Translator, *, sample: str, result: str) -> None:
    """Show the step that the address names; a step with a picture ends the page here.

    Args:
        manifest: The app.
        t: Translator.
        sample: Name in the address that asks for the example.
        result: Name in the address of the result.
    """
    story = story_of(manifest.id)
    if story is None:
        return
    number = _step_number(story)
    if number is None:
        label = t("Geführte Vorführung beginnen")
        st.button(label, key="story_begin", on_click=_go_to, args=(1,))
        return
    step = story.step[number - 1]
    _prepare(manifest.id, number, step)
    _panel(story, number, t)
    if step.view == "picture":
        _picture(manifest.id, step, t)
        end_page()
    if result not in st.query_params:
        st.query_params[sample] = "1"
    st.html(
        f'<span data-urbanki-show="{escape(step.show or "")}" data-urbanki-step="{number}"></span>'
    )


def _step_number(story: Story) -> int | None:
    asked = st.query_params.get(STORY_PARAMETER, "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 0
    return number if 1 <= number <= len(story.step) else None


def _prepare(slug: str, number: int, step: StoryStep) -> None:
    """Set the widgets once, so that the visitor can move them afterwards."""
    key = f"{slug}_story_step"
    if st.session_state.get(key) != number:
        st.session_state[key] = number
        for name, value in step.do.items():
            st.session_state[name] = value


def _panel(story: Story, number: int, t: Translator) -> None:
    step = story.step[number - 1]
    with st.container(key="story_panel", border=True):
        left, right = st.columns([3, 2], vertical_alignment="top")
        with left:
            with st.container(key="live_story"):
                st.caption(t("Schritt {number} von {total}", number=number, total=len(story.step)))
                st.header(step.localized("title", t.language), anchor=False)
            st.markdown(step.localized("text", t.language))
        with right:
            st.markdown(f"**{step.localized('ask', t.language)}**")
            _buttons(story, number, t)


def _buttons(story: Story, number: int, t: Translator) -> None:
    with st.container(horizontal=True, key="story_buttons"):
        st.button(
            t("Zurück"),
            key="story_back",
            on_click=_go_to,
            args=(number - 1,),
            disabled=number == 1,
        )
        st.button(
            t("Weiter"),
            key="story_next",
            type="primary",
            on_click=_go_to,
            args=(number + 1,),
            disabled=number == len(story.step),
        )
        if st.button(t("Beenden"), key="story_end"):
            st.switch_page(HOME_SCRIPT)
    st.caption(t("Auch die Pfeiltasten blättern."))


def _go_to(number: int) -> None:
    st.query_params[STORY_PARAMETER] = str(number)


def _picture(slug: str, step: StoryStep, t: Translator) -> None:
    pictures = start_pictures(slug)
    if len(pictures) >= step.picture:
        show_picture(pictures[step.picture - 1], t)


def show_picture(picture: StartPicture, t: Translator) -> None:
    """Show a start picture above its description.

    It comes with the page itself: a file of its own would be gone before a slow browser asks for
    it, as soon as the visitor turns the page.

    Args:
        picture: The picture.
        t: Translator.
    """
    encoded = base64.b64encode(picture.jpeg).decode()
    caption = escape(picture.description(t.language))
    st.html(
        f'<figure class="start-picture"><img src="data:image/jpeg;base64,{encoded}" alt="" />'
        f"<figcaption>{caption}</figcaption></figure>"
    )
