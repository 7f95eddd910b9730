"""Build `german_ngrams.npz`, the letter statistics by which `language.py` judges words.

    python -m apps.archivair.ngrams

Source: the German word list inside Tesseract's `deu.traineddata` (tessdata_fast, Apache-2.0), read
with Tesseract's own tools, and the closed-class words below. No text of the rendered pages goes in.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from apps.archivair.language import EDGE, LONGEST, NGRAMS_FILE
from apps.archivair.tesseract import LANGUAGE, data_file, find_tesseract

FREQUENT_WEIGHT = 150
LEAST_COUNT = {4: 2, 5: 3}
FREQUENT_TEXT = (
    "ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bis "
    "bitte da dabei dadurch dafür damit danach daran darauf daraus darf darin darüber das daß dass "
    "davon dazu dem den denn der deren des dessen die dies diese diesem diesen dieser dieses doch "
    "dort du durch dürfen ein eine einem einen einer eines er es etwa für gegen gemäß haben hat "
    "hatte hatten hier hierzu hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in ins "
    "ist ja je jede jedem jeden jeder jedes jedoch kann kein keine keinem keinen keiner können "
    "konnte laut mehr mein meine meiner mich mir mit muß muss müssen nach nachdem neben nein nicht "
    "noch nun nur ob oder ohne schon sehr sein seine seinem seinen seiner seit selbst sich sie "
    "sind so soll sollen sollte sowie sowohl über um und uns unser unsere unserer unter vom von "
    "vor war waren was weder wegen weil welche welcher wenn wer werden wie wieder wir wird wo "
    "worden wurde wurden zu zum zur zwar zwei zwischen"
)


def main() -> int:
    """Write the file; return 0, or 2 when Tesseract's tools are missing."""
    engine = find_tesseract()
    data = data_file(engine.program) if engine else None
    if data is None or not shutil.which("combine_tessdata") or not shutil.which("dawg2wordlist"):
        sys.stderr.write("Tesseract with German data and its training tools is needed.\n")
        return 2
    save_ngrams(count_ngrams(read_words(data)), NGRAMS_FILE)
    return 0


def read_words(data: Path) -> list[str]:
    """Return the word list inside a Tesseract data file.

    Args:
        data: The file `deu.traineddata`.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder) / f"{LANGUAGE}.")
        subprocess.run(["combine_tessdata", "-u", str(data), prefix], check=True)
        listing = f"{prefix}txt"
        parts = [f"{prefix}lstm-unicharset", f"{prefix}lstm-word-dawg", listing]
        subprocess.run(["dawg2wordlist", *parts], check=True)
        return Path(listing).read_text(encoding="utf-8").split()


def count_ngrams(words: Iterable[str]) -> Counter[str]:
    """Count the letter sequences of words, edges included.

    Args:
        words: Word list; entries in capitals and with other signs than letters are left out.
    """
    usable = {word for word in words if word.isalpha() and not word[1:].isupper()}
    counted = Counter(dict.fromkeys(sorted(usable), 1))
    for word in FREQUENT_TEXT.split():
        counted[word] += FREQUENT_WEIGHT
        counted[word.capitalize()] += FREQUENT_WEIGHT // 5
    ngrams: Counter[str] = Counter()
    for word, weight in counted.items():
        letters = EDGE + word + EDGE
        for end in range(1, len(letters) + 1):
            for length in range(1, min(LONGEST, end) + 1):
                ngrams[letters[end - length : end]] += weight
    return Counter(
        {part: count for part, count in ngrams.items() if count >= LEAST_COUNT.get(len(part), 1)}
    )


def save_ngrams(ngrams: Counter[str], path: Path) -> None:
    """Write sequences and counts, sorted, so that the same words give the same file.

    Args:
        ngrams: Counts by sequence.
        path: File to write.
    """
    parts = sorted(ngrams)
    counts = np.array([min(ngrams[part], 2**32 - 1) for part in parts], dtype=np.uint32)
    text = np.frombuffer("\n".join(parts).encode("utf-8"), dtype=np.uint8)
    np.savez_compressed(path, parts=text, counts=counts)


if __name__ == "__main__":
    sys.exit(main())
