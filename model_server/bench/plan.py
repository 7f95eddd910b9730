"""What a run of the bench measures, read from its command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from model_server.bench.peers import PEERS

FULL = {
    "clients": (1, 8, 32),
    "requests": 200,
    "batch": (1, 2, 4, 8),
    "workers": (1, 2),
    "bundle": (1, 4, 8, 16),
}
QUICK = {"clients": (1, 8), "requests": 16, "batch": (1,), "workers": (1,), "bundle": (1, 8)}
LEAST_SIDE_PX = 32
MOST_SIDE_PX = 1280
MOST_BUNDLE = 16
MOST_CLIENTS = 64
MOST_WORKERS = 64
MOST_BATCH = 256
MOST_REQUESTS = 1_000_000


class BadArguments(Exception):
    """The command line is wrong; the text is one German line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run of the bench.

    Args:
        model: Name of the model.
        clients: Numbers of clients that send at once.
        requests: Requests per measurement.
        sizes: Sides of the square images in pixels.
        batch: Largest batches to try.
        workers: Worker processes to try.
        bundle: Items per request.
        peers: Keys of the other servers.
        device: Where models run.
        seed: Seed of images and torture.
        out: File for the JSON, None prints it.
        markdown: File for the table, None writes none.
        apply: Write the choice into the settings of this installation.
        quick: Measure everything once and short.
    """

    model: str
    clients: tuple[int, ...]
    requests: int
    sizes: tuple[int, ...]
    batch: tuple[int, ...]
    workers: tuple[int, ...]
    bundle: tuple[int, ...]
    peers: tuple[str, ...]
    device: str
    seed: int
    out: Path | None
    markdown: Path | None
    apply: bool
    quick: bool

    @property
    def rounds(self) -> int:
        """Rounds of the last comparison."""
        return 1 if self.quick else 3

    @property
    def torture_calls(self) -> int:
        """Calls of the torture."""
        return 64 if self.quick else 3200

    @property
    def mixed_calls(self) -> int:
        """Calls of all kinds before the memory is read."""
        return 24 if self.quick else 500


class Parser(argparse.ArgumentParser):
    """Says in one German line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise BadArguments(f"Die Angaben sind falsch: {message}")


def parse_plan(arguments: Sequence[str] | None) -> Plan:
    """Read the command line.

    Raises:
        BadArguments: It is wrong.
    """
    given = _parser().parse_args(arguments)
    usual = QUICK if given.quick else FULL
    for name, value in usual.items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    return Plan(
        **{name: value for name, value in vars(given).items() if name != "peers"},
        peers=_peers(given.peers),
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m model_server.bench")
    parser.add_argument("--model", default="solar")
    parser.add_argument("--clients", type=numbers(1, MOST_CLIENTS))
    parser.add_argument("--requests", type=number(1, MOST_REQUESTS))
    parser.add_argument("--sizes", type=numbers(LEAST_SIDE_PX, MOST_SIDE_PX), default=(640,))
    parser.add_argument("--batch", type=numbers(1, MOST_BATCH))
    parser.add_argument("--workers", type=numbers(1, MOST_WORKERS))
    parser.add_argument("--bundle", type=numbers(1, MOST_BUNDLE), help="items per request")
    parser.add_argument("--peers", default="none", help="none, all, or fastapi,litserve")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--seed", type=number(0, 2**31), default=1)
    parser.add_argument("--out", type=Path, help="file for the JSON instead of the output")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument(
        "--apply", action="store_true", help="write the choice to model_server/settings.local.toml"
    )
    parser.add_argument("--quick", action="store_true", help="once and short, under 90 seconds")
    return parser


def number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within limits."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} ist keine Zahl von {least} bis {most}")
        return value

    return read


def numbers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """Return what reads whole numbers with commas between them, each once."""
    read_one = number(least, most)

    def read(text: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys(read_one(part.strip()) for part in text.split(",")))

    return read


def _peers(text: str) -> tuple[str, ...]:
    if text in ("none", "all"):
        return tuple(PEERS) if text == "all" else ()
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        known = ", ".join(PEERS)
        raise BadArguments(f"Unbekannter Vergleich {unknown[0][:40]!r}; möglich sind {known}.")
    return names
