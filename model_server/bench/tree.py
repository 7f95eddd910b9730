"""CPU time and memory of a process together with everything that it started."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_KIBI = 1024
_MEBI = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process tree.

    Args:
        rss_mib: Sum of the resident memory in MiB; shared pages count once per process.
        pss_mib: The same in MiB with every shared page counted once in all.
    """

    rss_mib: float
    pss_mib: float


class ProcessTree:
    """A process and its descendants, whatever comes and goes among them.

    Args:
        process_id: The process at the top.
    """

    def __init__(self, process_id: int) -> None:
        self._top = psutil.Process(process_id)

    def members(self) -> list[psutil.Process]:
        """Return the living processes, the one at the top first.

        Raises:
            psutil.NoSuchProcess: The one at the top has ended.
        """
        return [self._top, *self._top.children(recursive=True)]

    def cpu_s(self) -> float:
        """Return the CPU seconds, user and system, that the tree has used so far.

        A process that ended counts through its parent, who collected its times. The kernel counts
        in steps of 10 ms per process.
        """
        return self._sum(_cpu_s)

    def memory(self) -> Memory:
        """Return the memory of the living processes."""
        rss = self._sum(lambda member: member.memory_info().rss)
        pss = self._sum(lambda member: _pss_bytes(member.pid))
        return Memory(round(rss / _MEBI, 1), round(pss / _MEBI, 1))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let the processes of the tree rest until the block ends; some servers never do so."""
        family = self._family()
        _each(family, psutil.Process.suspend)
        try:
            yield
        finally:
            _each(family, psutil.Process.resume)

    def end(self, within_s: float) -> None:
        """Ask the top process to stop; after some seconds kill whatever is left.

        Args:
            within_s: Seconds.
        """
        family = self._family()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._top.terminate()
        _, alive = psutil.wait_procs(family, timeout=within_s)
        for member in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(alive, timeout=within_s)

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.members()
        return []

    def _sum(self, read: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for member in self.members():
            # A member may end while the others are read.
            with contextlib.suppress(psutil.NoSuchProcess):
                total += read(member)
        return total


def _each(members: list[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(member)


def _cpu_s(member: psutil.Process) -> float:
    times = member.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _pss_bytes(process_id: int) -> int:
    """Return the proportional set size; see proc(5), `smaps_rollup`."""
    try:
        text = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended a moment ago
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * _KIBI if found else 0


def worker_ids(tree: ProcessTree, is_worker: Callable[[list[str]], bool]) -> list[int]:
    """Return the process ids of the members whose command line is a worker's."""
    found = []
    for member in tree.members():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if is_worker(member.cmdline()):
                found.append(member.pid)
    return found
