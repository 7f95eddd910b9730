"""The codes of the scan check in words, and which of them ask for a new scan."""

from __future__ import annotations

from dataclasses import dataclass

from apps.archivair.batch.contents import BatchPage
from shared.i18n import N_, Translator


@dataclass(frozen=True, slots=True)
class ScanWord:
    """What a code of the scan check means.

    Args:
        text: German word or two; translated.
        advice: German sentence, what to do at the scanner; empty where nothing is to be done.
        rescan: Whether the page should be scanned again.
    """

    text: str
    advice: str = ""
    rescan: bool = False


SCAN_WORDS = {
    "leer": ScanWord(N_("leer")),
    "kopfstehend": ScanWord(N_("steht auf dem Kopf")),
    "quer": ScanWord(N_("liegt quer")),
    "abgeschnitten": ScanWord(
        N_("Rand abgeschnitten"), N_("Legen Sie das Blatt ganz auf die Fläche."), rescan=True
    ),
    "unscharf": ScanWord(
        N_("unscharf"), N_("Reinigen Sie das Glas und drücken Sie das Blatt an."), rescan=True
    ),
    "zu_dunkel": ScanWord(N_("zu dunkel"), N_("Stellen Sie den Scanner heller."), rescan=True),
    "zu_hell": ScanWord(N_("zu hell"), N_("Stellen Sie den Scanner dunkler."), rescan=True),
    "zu_klein": ScanWord(
        N_("Auflösung zu klein"), N_("Scannen Sie mit mindestens 200 dpi."), rescan=True
    ),
    "doppelt": ScanWord(N_("doppelt")),
    "schief": ScanWord(N_("liegt schief")),
    "negativ": ScanWord(N_("helle Schrift auf dunklem Grund")),
    "kein_text": ScanWord(N_("keine Schrift gefunden")),
    "handschrift": ScanWord(N_("Handschrift, nicht gelesen")),
    "zeichnung": ScanWord(N_("Zeichnung")),
    "unsicher": ScanWord(N_("viele unsichere Wörter")),
}
UNREAD = ScanWord(N_("nicht gelesen"), N_("Die Seite ließ sich nicht lesen."), rescan=True)


def page_words(page: BatchPage, t: Translator) -> str:
    """Say what the scan check found about a page; empty for nothing.

    Args:
        page: The page.
        t: Translator of the app.
    """
    return ", ".join(t(word.text) for word in _words_of(page))


def page_advice(page: BatchPage, t: Translator) -> str:
    """Return what to do at the scanner about a page; empty for nothing.

    Args:
        page: The page.
        t: Translator of the app.
    """
    return " ".join(t(word.advice) for word in _words_of(page) if word.rescan)


def needs_rescan(page: BatchPage) -> bool:
    """Say whether a page should be scanned again.

    Args:
        page: The page.
    """
    return any(word.rescan for word in _words_of(page))


def _words_of(page: BatchPage) -> list[ScanWord]:
    if not page.script:  # nothing could be read, not even which script it is
        return [UNREAD]
    return [SCAN_WORDS[code] for code in page.quality if code in SCAN_WORDS]
