"""What the audit asks of a page: axe, language, structure, keyboard. Each returns its findings."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Frame, Page

from tests.e2e.browser import Language, Observed

FOLDER = Path(__file__).resolve().parent
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}
MAX_ALLOWED = 3
MAX_TAB_STOPS = 150
SPOKEN = ("name", "description", "value")
REPEATS = {"InlineTextBox"}  # the lines of a StaticText, said twice
E_MAIL = re.compile(r"[\w.+-]+@[\w.-]+")
REFERENCE = re.compile(r"\bUK-[0-9A-F]{8}\b")
NO_LANGUAGE = {"CODE", "PRE", "KBD"}  # commands, file names and keys


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        check: Name of the check.
        text: What was found, with place.
        grave: False for findings that are reported only.
    """

    check: str
    text: str
    grave: bool = True


@cache
def axe_allowances() -> tuple[dict[str, Any], ...]:
    """The dated list of accepted axe findings.

    Raises:
        ValueError: It has more than three entries, or one is incomplete or has expired.
    """
    entries = tomllib.loads((FOLDER / "axe_allow.toml").read_text(encoding="utf-8")).get(
        "allow", []
    )
    return tuple(
        _checked(entries, ("rule", "selector", "reason", "upstream", "until"), MAX_ALLOWED)
    )


def _checked(
    entries: list[dict[str, Any]], keys: tuple[str, ...], most: int
) -> list[dict[str, Any]]:
    for entry in entries:
        if set(entry) != set(keys) or entry["until"] < date.today():
            message = f"allow-list entry is incomplete or has expired: {entry}"
            raise ValueError(message)
    if len(entries) > most:
        message = f"{len(entries)} allowances, at most {most}"
        raise ValueError(message)
    return entries


def check_axe(page: Page) -> list[Finding]:
    """Run axe in the page and in every frame."""
    script = (FOLDER / "axe" / "axe.min.js").read_text(encoding="utf-8")
    options = {"runOnly": AXE_TAGS, "resultTypes": ["violations"], "iframes": False}
    findings = []
    for frame in page.frames:
        if not frame.url.startswith("http"):
            continue
        frame.evaluate(script)
        result = frame.evaluate("options => axe.run(document, options)", options)
        for violation in result["violations"]:
            for node in violation["nodes"]:
                target = " ".join(str(part) for part in node["target"])
                if not _is_allowed(violation["id"], target):
                    text = f"{violation['id']} ({violation['impact']}): {target}"
                    findings.append(Finding("axe", text, violation["impact"] in GRAVE))
    return findings


def _is_allowed(rule: str, target: str) -> bool:
    return any(entry["rule"] == rule and entry["selector"] in target for entry in axe_allowances())


@cache
def _word_pattern(of: str) -> re.Pattern[str]:
    content = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
    words = sorted(content[of].split())
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)


@cache
def _allowed_texts(language: str) -> tuple[str, ...]:
    content = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
    entries = _checked(content.get("allow", []), ("language", "text", "reason", "until"), 40)
    return tuple(entry["text"] for entry in entries if entry["language"] in (language, "both"))


def foreign_words(text: str, language: Language) -> list[str]:
    """Words of the other language in a text, without the allowed names and e-mail addresses."""
    text = E_MAIL.sub(" ", text)
    for allowed in _allowed_texts(language):
        text = text.replace(allowed, " ")
    return _word_pattern("english" if language == "de" else "german").findall(text)


def check_language(page: Page, language: Language) -> list[Finding]:
    """Look for words of the other language in every name of the accessibility trees."""
    session = page.context.new_cdp_session(page)
    foreign_parts = _nodes_of_other_language(session, language)
    findings: dict[str, Finding] = {}
    for frame_id in _frame_ids(session.send("Page.getFrameTree")["frameTree"]):
        tree = session.send("Accessibility.getFullAXTree", {"frameId": frame_id})
        for node in tree["nodes"]:
            role = node.get("role", {}).get("value", "")
            hidden = node.get("ignored") or node.get("backendDOMNodeId") in foreign_parts
            if hidden or role in REPEATS:
                continue
            for text in _spoken(node):
                words = foreign_words(text, language)
                if words:
                    said = f"{role}: {text[:120]!r} ({', '.join(sorted(set(words)))})"
                    findings[said] = Finding("language", said)
    session.detach()
    return list(findings.values())


def _spoken(node: dict[str, Any]) -> list[str]:
    texts = [node[key]["value"] for key in SPOKEN if node.get(key, {}).get("value")]
    for entry in node.get("properties", []):
        if entry["name"] in {"placeholder", "roledescription", "valuetext"}:
            texts.append(entry["value"].get("value", ""))
    return [text for text in texts if isinstance(text, str)]


def _frame_ids(tree: dict[str, Any]) -> list[str]:
    ids = [tree["frame"]["id"]]
    for child in tree.get("childFrames", []):
        ids += _frame_ids(child)
    return ids


def _nodes_of_other_language(session: CDPSession, language: Language) -> set[int]:
    """Nodes in parts marked as user data, as code or as text of another language."""
    found: set[int] = set()

    def walk(node: dict[str, Any], inside: bool) -> None:
        pairs = node.get("attributes", [])
        attributes = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if "data-user-content" in attributes or node["nodeName"] in NO_LANGUAGE:
            inside = True
        elif attributes.get("lang") and node["nodeName"] != "HTML":
            inside = not attributes["lang"].startswith(language)
        if inside:
            found.add(node["backendNodeId"])
        for child in node.get("children", []) + node.get("shadowRoots", []):
            walk(child, inside)
        if "contentDocument" in node:
            walk(node["contentDocument"], inside)

    walk(session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"], False)
    return found


def check_structure(page: Page, language: Language) -> list[Finding]:
    """Check the language mark, the title and the first heading of page and frames."""
    findings = []
    for frame in page.frames:
        if not frame.url.startswith("http"):
            continue
        marked = frame.evaluate("document.documentElement.lang")
        if marked != language:
            findings.append(Finding("lang", f"<html lang={marked!r}> in {frame.url}"))
        if not frame.evaluate("document.title"):
            findings.append(Finding("title", f"no title in {frame.url}"))
    reference = REFERENCE.search(page.locator("body").inner_text())
    if reference is not None:
        findings.append(Finding("error", f"the page shows the error {reference.group()}"))
    headings = page.locator("h1").count()
    if headings != 1:
        findings.append(Finding("h1", f"{headings} headings of the first level"))
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if width[0] > width[1] + 1:
        findings.append(Finding("width", f"page is {width[0]} px wide, window {width[1]} px"))
    return findings


def check_requests(observed: Observed) -> list[Finding]:
    """Check that nothing left the machine and nothing failed."""
    return [
        *(Finding("foreign request", url) for url in observed.foreign_requests),
        *(Finding("failed request", text) for text in observed.failed_requests),
        *(Finding("console", text) for text in observed.console_errors),
    ]


_KEYBOARD_SCRIPT = (FOLDER / "keyboard.js").read_text(encoding="utf-8")


_FROM_THE_TOP = """() => {
  window.scrollTo(0, 0);
  // A field that had the focus from the beginning would be where Tab starts.
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  document.activeElement?.blur();
}"""


def check_keyboard(page: Page) -> list[Finding]:
    """Walk through the page with Tab: everything reached, no trap, order of the document."""
    page.evaluate(_FROM_THE_TOP)
    frames = [frame for frame in page.frames if frame.url.startswith("http")]
    for frame in frames:
        frame.evaluate(_KEYBOARD_SCRIPT)
    waiting = {
        (index, entry["id"]): entry["label"]
        for index, frame in enumerate(frames)
        for entry in frame.evaluate("window.urbankiKeyboard.interactive()")
    }
    findings: list[Finding] = []
    last: tuple[int, int] | None = None
    outside = 0
    for _ in range(MAX_TAB_STOPS):
        page.keyboard.press("Tab")
        stop = _focused(frames)
        if stop is None:
            outside += 1
            if outside > 2:
                break
            continue
        outside = 0
        index, ids, backwards, label = stop
        if last == (index, ids[0]):
            findings.append(Finding("keyboard", f"trap at {label}"))
            break
        if backwards and last is not None and last[0] == index:
            if not waiting:
                break
            findings.append(Finding("keyboard", f"order jumps back to {label}"))
        last = (index, ids[0])
        for reached in ids:
            waiting.pop((index, reached), None)
    findings += [Finding("keyboard", f"not reached: {label}") for label in waiting.values()]
    return findings


def _focused(frames: list[Frame]) -> tuple[int, list[int], bool, str] | None:
    """Frame, ids (all of a radio group), whether the order went back, and the label."""
    for index in reversed(range(len(frames))):
        stop = frames[index].evaluate("window.urbankiKeyboard.focused()")
        if stop is not None:
            return index, stop["ids"], stop["backwards"], stop["label"]
    return None
