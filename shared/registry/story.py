"""The guided story of an app for visitors of the kiosk: `story.toml` beside `app.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.registry.discover import APPS_FOLDER
from shared.registry.manifest import Text

STORY_FILE = "story.toml"
LEAST_STEPS, MOST_STEPS = 4, 7
LONGEST_S = 180
"""All steps together; a visitor has three minutes."""
RESULT_WITHIN_S = 90
"""By then at the latest a step shows a real result."""

Title = Annotated[Text, StringConstraints(max_length=60)]
Told = Annotated[Text, StringConstraints(max_length=240)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoryStep(_Part):
    """One step: what is told, what the page shows meanwhile, what the visitor is asked.

    Args:
        title: Heading.
        text: At most 240 characters.
        seconds: How long it takes to read and to look [s].
        view: `picture` shows the app's start picture, `result` the result of its example.
        picture: Which start picture, from 1.
        do: Values of widgets by their key, set once when the step begins.
        show: Key of the part of the page that is brought into view and framed.
        ask: A question to the visitor.
    """

    title: Title
    title_en: Title
    text: Told
    text_en: Told
    seconds: int = Field(ge=5, le=60)
    view: Literal["picture", "result"] = "result"
    picture: int = Field(1, ge=1, le=9)
    do: Mapping[Key, int | float | str | bool] = {}
    show: Key | None = None
    ask: Told
    ask_en: Told

    @model_validator(mode="after")
    def _one_place(self) -> StoryStep:
        if (self.view == "picture") != (self.show is None):
            raise ValueError('a step with view "result" names what it shows, another does not')
        if self.view == "picture" and self.do:
            raise ValueError("a picture has no widgets")
        return self

    def localized(self, field: Literal["title", "text", "ask"], language: str) -> str:
        """Return a text of the step in the language."""
        return str(getattr(self, f"{field}_en" if language == "en" else field))


class Story(_Part):
    """The steps of a story in their order."""

    step: tuple[StoryStep, ...] = Field(min_length=LEAST_STEPS, max_length=MOST_STEPS)

    @model_validator(mode="after")
    def _short_enough(self) -> Story:
        total = sum(step.seconds for step in self.step)
        if total > LONGEST_S:
            message = f"the story takes {total} s, more than {LONGEST_S} s"
            raise ValueError(message)
        until_result = 0
        for step in self.step:
            if step.view == "result":
                break
            until_result += step.seconds
        if until_result >= RESULT_WITHIN_S or self.step[-1].view != "result":
            message = f"a result comes within {RESULT_WITHIN_S} s and stays until the end"
            raise ValueError(message)
        return self


def find_story(slug: str, folder: Path = APPS_FOLDER) -> Story | None:
    """Return the story of an app; None where it has none.

    Args:
        slug: App folder.
        folder: Folder that holds the app folders.

    Raises:
        ValueError: The file is no TOML, or a key is missing, unknown or wrong.
        OSError: The file cannot be read.
    """
    path = folder / slug / STORY_FILE
    return _load(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=32)
def _load(path: Path, changed_ns: int) -> Story:
    del changed_ns  # part of the cache key only
    return Story.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
