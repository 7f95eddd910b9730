"""Headless commands: German refusals, one safe line for every error."""

import pytest

from shared.command_line import GermanParser, refusal
from shared.errors import FileMissing, InputError


def parser() -> GermanParser:
    made = GermanParser(prog="python -m beispiel")
    commands = made.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    read = commands.add_parser("lesen")
    read.add_argument("file", metavar="DATEI")
    read.add_argument("--art", choices=["kurz", "lang"])
    read.add_argument("--zahl", type=int)
    either = read.add_mutually_exclusive_group()
    either.add_argument("--leise", action="store_true")
    either.add_argument("--laut", action="store_true")
    needed = commands.add_parser("senden").add_mutually_exclusive_group(required=True)
    needed.add_argument("--an")
    needed.add_argument("--alle", action="store_true")
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Es fehlt: lesen oder senden."),
        (["schreiben"], "Für BEFEHL gibt es nur lesen, senden."),
        (["lesen"], "Es fehlt: DATEI."),
        (["lesen", "a", "--art"], "Nach --art fehlt der Wert."),
        (["lesen", "a", "--art", "mittel"], "Für --art gibt es nur kurz, lang."),
        (["lesen", "a", "--fern"], "Unbekannte Angabe --fern."),
        (["lesen", "a", "--leise", "--laut"], "--laut und --leise gehen nicht zusammen."),
        (["senden"], "Es fehlt eines von: --an, --alle."),
        (["lesen", "a", "--lei"], "Unbekannte Angabe --lei."),
        (["lesen", "a", "--zahl", "x" * 99], f"{'x' * 60} ist kein Wert für --zahl."),
    ],
)
def test_wrong_words_are_refused_in_german(words: list[str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        parser().parse_args(words)
    assert said in str(refused.value)
    assert "--help" in str(refused.value)


def test_right_words_are_read() -> None:
    chosen = parser().parse_args(["lesen", "a.txt", "--art", "lang"])
    assert (chosen.command, chosen.file, chosen.art) == ("lesen", "a.txt", "lang")


def test_help_is_german(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["--help"])
    told = capsys.readouterr().out
    assert end.value.code == 0
    assert told.startswith("Aufruf (usage): python -m beispiel")
    assert "diese Hilfe zeigen" in told


def test_a_refusal_is_one_line_that_no_terminal_obeys() -> None:
    line = refusal(FileMissing(name="böse\x1b[2J\nzweite Zeile" + "x" * 1000))
    assert "\n" not in line
    assert "\x1b" not in line
    assert line.startswith("„böse?[2J zweite Zeile")
    assert len(line) < 420
    assert refusal(FileMissing(name="a")).endswith("Bitte prüfen Sie Namen und Zugriffsrechte.")
