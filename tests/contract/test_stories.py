"""Stories for visitors, parametrised over `apps/*/story.toml`: a new app, no new test."""

import ast
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.registry.start_pictures import start_pictures
from shared.registry.story import LONGEST_S, STORY_FILE, Story, find_story
from shared.settings import REPOSITORY
from tests.shared.app_folders import page_files

APPS = REPOSITORY / "apps"
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)


def story_of(app: AppManifest) -> Story:
    story = find_story(app.id)
    assert story is not None, f"{app.id} has no {STORY_FILE}"
    return story


def keys_of_page(app: AppManifest) -> set[str]:
    """Keys of widgets and containers that the page's files write down."""
    found = {f"{app.id}_step_{number}" for number in range(1, 6)}
    for path in page_files(app):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call):
                key = next((one.value for one in call.keywords if one.arg == "key"), None)
                text = written_key(key, app.id)
                is_map = getattr(call.func, "id", "") == "map_with_table"
                found |= {text, f"map_{text}"} if is_map else {text}
    return found


def written_key(node: ast.AST | None, slug: str) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else slug for part in node.values]
        return "".join(str(part) for part in parts)
    return ""


@every_app
def test_every_app_tells_a_story_of_at_most_three_minutes(app: AppManifest) -> None:
    story = story_of(app)
    assert 4 <= len(story.step) <= 7
    assert sum(step.seconds for step in story.step) <= LONGEST_S


@every_app
def test_what_a_step_sets_and_shows_is_on_the_page(app: AppManifest) -> None:
    known = keys_of_page(app)
    for step in story_of(app).step:
        assert set(step.do) <= known, step.title
        assert step.show is None or step.show in known, step.title
        assert all(key.startswith(f"{app.id}_") for key in step.do)


@every_app
def test_a_picture_that_is_told_of_is_there(app: AppManifest) -> None:
    pictures = start_pictures(app.id)
    for step in story_of(app).step:
        if step.view == "picture":
            assert step.picture <= len(pictures), step.title
    for picture in pictures:
        assert picture.jpeg.startswith(b"\xff\xd8\xff")
        assert len(picture.jpeg) < 250_000
        assert picture.alt != picture.alt_en


@every_app
def test_the_words_are_for_visitors(app: AppManifest) -> None:
    for step in story_of(app).step:
        for field in ("title", "text", "ask"):
            german, english = (step.localized(field, language) for language in ("de", "en"))
            assert german != english
            assert not re.search(r"Versto(ß|ss)|illegal|http|@", german + english)
        assert step.ask.endswith("?")
        assert step.ask_en.endswith("?")


@every_app
def test_sentences_are_short(app: AppManifest) -> None:
    for step in story_of(app).step:
        for sentence in re.split(r"[.!?:]\s*", step.text):
            assert len(sentence.split()) <= 16, sentence


STEP = {
    "title": "Titel",
    "title_en": "Title",
    "text": "Text.",
    "text_en": "Text.",
    "seconds": 30,
    "show": "aviary_map",
    "ask": "Ja?",
    "ask_en": "Yes?",
}
PICTURE = {name: value for name, value in STEP.items() if name != "show"} | {"view": "picture"}


def test_a_plain_story_is_accepted() -> None:
    assert len(Story.model_validate({"step": [PICTURE, STEP, STEP, STEP]}).step) == 4


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([STEP] * 3, "at least 4"),
        ([STEP | {"seconds": 20}] * 8, "at most 7"),
        ([STEP | {"seconds": 40}] * 5, "more than 180 s"),
        ([PICTURE] * 3 + [STEP], "result comes within 90 s"),
        ([STEP] * 3 + [PICTURE], "stays until the end"),
        ([STEP] * 3 + [STEP | {"text": "x" * 241}], "240 characters"),
        ([STEP] * 3 + [STEP | {"text_en": " "}], "at least 1 character"),
        ([STEP] * 3 + [STEP | {"speed": 1}], "Extra inputs"),
        ([STEP] * 3 + [PICTURE | {"view": "result"}], "names what it shows"),
        ([STEP | {"view": "picture"}] + [STEP] * 3, "names what it shows"),
        ([PICTURE | {"do": {"aviary_x": 1}}] + [STEP] * 3, "no widgets"),
        ([STEP] * 3 + [STEP | {"do": {"Bad Key": 1}}], "pattern"),
        ([STEP] * 3 + [STEP | {"show": "a b"}], "pattern"),
    ],
    ids=[
        "few",
        "many",
        "long",
        "late",
        "no_end",
        "wordy",
        "empty",
        "unknown",
        "nothing_shown",
        "picture_shows",
        "picture_sets",
        "key",
        "anchor",
    ],
)
def test_what_is_no_story_is_refused(steps: list[dict[str, object]], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Story.model_validate({"step": steps})


def test_an_app_without_a_story_has_none(tmp_path: Path) -> None:
    (tmp_path / "neu").mkdir()
    assert find_story("neu", tmp_path) is None
    (tmp_path / "neu" / STORY_FILE).write_text("step = 1", encoding="utf-8")
    with pytest.raises(ValueError, match="step"):
        find_story("neu", tmp_path)
