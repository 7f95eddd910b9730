"""Folders appear whole, whoever is killed and whoever writes at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.demo_city.whole_folders import SETTLED_S, whole_folder

REPOSITORY = Path(__file__).parents[2]
LONG_AGO = 10 * SETTLED_S


def write(place: Path, text: str) -> None:
    with whole_folder(place) as made:
        (made / "a.txt").write_text(text)


def content(place: Path) -> str:
    return (place / "a.txt").read_text()


def make_old(folder: Path) -> None:
    moment = folder.stat().st_mtime - LONG_AGO
    os.utime(folder, (moment, moment))


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "new" / "place"
    write(place, "one")
    (place / "b.txt").touch()
    write(place, "two")
    assert content(place) == "two"
    assert [path.name for path in place.iterdir()] == ["a.txt"]
    assert [path.name for path in place.parent.iterdir()] == ["place"]


def test_error_leaves_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "place"
    write(place, "one")
    with pytest.raises(KeyError), whole_folder(place) as made:
        (made / "a.txt").write_text("half")
        raise KeyError
    assert content(place) == "one"
    assert list(tmp_path.iterdir()) == [place]


def test_two_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with whole_folder(place) as outer:
        (outer / "a.txt").write_text("outer")
        write(place, "inner")
        assert content(place) == "inner"
    assert content(place) == "outer"
    assert list(tmp_path.iterdir()) == [place]


def test_many_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write(place, str(number)), range(200)))
    assert int(content(place)) in range(200)
    assert list(tmp_path.iterdir()) == [place]


def test_another_process_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, move, late = tmp_path / "place", Path.replace, [True]

    def move_late(source: Path, target: Path) -> Path:
        if source.name == "new" and late:
            late.clear()
            target.mkdir()
            (target / "b.txt").touch()
        return move(source, target)

    monkeypatch.setattr(Path, "replace", move_late)
    write(place, "one")
    assert [path.name for path in place.iterdir()] == ["a.txt"]
    assert list(tmp_path.iterdir()) == [place]


def test_leftover_of_a_killed_process_goes(tmp_path: Path) -> None:
    place = tmp_path / "place"
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from shared.demo_city.whole_folders import whole_folder\n"
        "with whole_folder(Path(sys.argv[1])) as made:\n"
        "    (made / 'a.txt').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, place], cwd=REPOSITORY, check=False)
    assert killed.returncode == -9
    (leftover,) = tmp_path.iterdir()
    assert leftover != place
    write(place, "one")
    assert leftover.exists()  # too young: its process might be about to lock it
    make_old(leftover)
    write(place, "two")
    assert list(tmp_path.iterdir()) == [place]


def test_folder_in_work_stays(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with whole_folder(place) as made:
        make_old(made.parent)
        write(place, "other")
        (made / "a.txt").write_text("slow")
    assert content(place) == "slow"


def test_other_folders_stay(tmp_path: Path) -> None:
    for name in ("place-old", ".placebo", "other"):
        (tmp_path / name).mkdir()
        make_old(tmp_path / name)
    write(tmp_path / "place", "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".placebo", "other", "place", "place-old",
    ]  # fmt: skip


@contextmanager
def held_umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_rights_are_the_usual_ones(tmp_path: Path) -> None:
    with held_umask(0o022):
        write(tmp_path / "place", "one")
    assert (tmp_path / "place").stat().st_mode & 0o777 == 0o755
