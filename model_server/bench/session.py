"""One run of the bench: sweep, choice, comparison, checks."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from model_server.bench import checks, peers
from model_server.bench.choice import Choice, choose
from model_server.bench.decode_only import NAME, write_model
from model_server.bench.lines import LineProcess
from model_server.bench.measure import Bare, Meter, Sample, Setting, decode_only_work, make_row
from model_server.bench.mixed import MixedKind, cards, kinds_of
from model_server.bench.plan import Plan
from model_server.bench.server import (
    DISPATCHED,
    OWN,
    Command,
    Histogram,
    Running,
    ServerFailed,
    common_environment,
    difference,
    own_server,
    parse_histogram,
    read_figures,
    running,
)
from model_server.bench.sign_in import token_source
from model_server.bench.workload import Work, make_calls
from model_server.torture import torture
from shared.settings import Settings

COMPARED_CLIENTS = 8
RECOVERY_CALLS = 200
RECOVERY_SIZES_PX = (640,)
"""Large enough that calls are under way when the worker is killed."""
QUICK_SHARE = 4
RECOVERY_CLIENTS = 4
TORTURE_CLIENTS = 32
POISON_SHARE = 0.05
LEAST_DECODE_ONLY_CALLS = 100
"""A call takes few milliseconds and the kernel counts CPU time in steps of ten."""
Row = dict[str, Any]


@dataclass(slots=True)
class Results:
    """What a run found.

    Args:
        sweep: Rows of the sweep over batches and workers.
        final: Rows of the chosen setting and of the peers.
        left_out: Why a peer was not measured, by name.
        choice: The setting for this machine.
        starts_s: Seconds from start to ready with the chosen number of workers.
        memory: Memory with all models loaded, by number of workers.
        torture: Report of the torture.
        recovery: Recovery after a kill.
        mixed: What the calls of all kinds counted.
    """

    sweep: list[Row] = field(default_factory=list)
    final: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    choice: Choice | None = None
    starts_s: dict[int, list[float]] = field(default_factory=dict)
    memory: dict[int, dict[str, float]] = field(default_factory=dict)
    torture: dict[str, Any] = field(default_factory=dict)
    recovery: dict[str, Any] = field(default_factory=dict)
    mixed: dict[str, Any] = field(default_factory=dict)


class Session:
    """Everything that a run shares.

    Args:
        plan: What to measure.
        work: The workload of the chosen model.
        folder: Folder for whatever the processes write.
    """

    def __init__(self, plan: Plan, work: Work, folder: Path) -> None:
        self._plan = plan
        self._work = work
        self._folder = folder
        self._decode_only = decode_only_work(work)
        write_model(folder / "models")
        self._figures_token = secrets.token_hex(16)
        self._environment = common_environment(
            folder,
            {
                "URBANKI_METRICS_TOKEN": self._figures_token,
                "URBANKI_MODEL_DIR": str(folder / "models"),
                "URBANKI_DEVICE": plan.device,
                "URBANKI_MODEL_SERVER_PRELOAD": f"{plan.model},{NAME}",
            },
        )
        self._token = token_source(Settings(_env_file=None, data_dir=folder / "data"))
        self.results = Results()

    def run(self) -> Results:
        """Measure everything that the plan asks for."""
        with (
            LineProcess("model_server.bench.limit", self._environment, self._log("limit")) as limit,
            LineProcess("model_server.bench.load", self._environment, self._log("load")) as load,
        ):
            self._load = load
            self.bare = Bare(limit, str(self._folder / "models"))
            self._meter = Meter(self.bare, load, self._figures_token)
            kinds = [kind for card in cards() for kind in kinds_of(card, self._plan.seed)]
            for workers in self._plan.workers:
                self._measure_memory(workers, kinds)
                for batch in self._plan.batch:
                    self._sweep(workers, batch)
            self.results.choice = choose(
                [row for row in self.results.sweep if row["clients"] == self.compared_clients],
                {workers: memory["rss_mib"] for workers, memory in self.results.memory.items()},
            )
            self._compare(self.results.choice)
        return self.results

    @property
    def compared_clients(self) -> int:
        """Number of clients at which settings and servers are compared."""
        clients = self._plan.clients
        return COMPARED_CLIENTS if COMPARED_CLIENTS in clients else max(clients)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    @contextlib.contextmanager
    def _own(self, workers: int, batch: int, **more: str) -> Iterator[Running]:
        command = own_server(workers=workers, max_batch=batch, settings=more)
        with running(command, self._environment, self._folder) as server:
            yield server

    def _measure_memory(self, workers: int, kinds: list[MixedKind]) -> None:
        names = ",".join(card.name for card in cards())
        batch = min(self._plan.batch)
        with self._own(workers, batch, URBANKI_MODEL_SERVER_PRELOAD=names) as server:
            calls = self._plan.mixed_calls
            filled = checks.fill(server, self._token, kinds, calls, self._plan.seed)
        self.results.memory[workers] = asdict(filled.memory)
        self.results.mixed = {**filled.report, "models": names.split(",")}

    def _sweep(self, workers: int, batch: int) -> None:
        with self._own(workers, batch) as server:
            self.results.starts_s.setdefault(workers, []).append(round(server.start_s, 2))
            self._meter.warm_up(server, self._work)
            for clients in self._sweep_clients():
                setting = Setting(OWN, workers, batch, clients)
                sample = self._meter.sample(server, self._work, setting, self._plan.requests)
                self.results.sweep.append(make_row(setting, [sample], [], server.tree.memory()))

    def _sweep_clients(self) -> tuple[int, ...]:
        return (self.compared_clients,) if self._plan.quick else self._plan.clients

    def _compare(self, choice: Choice) -> None:
        own = own_server(workers=choice.workers, max_batch=choice.max_batch_size, settings={})
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(self._started(own))
            self.results.starts_s[choice.workers].append(round(server.start_s, 2))
            settings = self._settings(server, own, choice.workers, choice.max_batch_size)
            for peer in self._plan.peers:
                settings += self._peer_settings(stack, peer, choice.max_batch_size)
            self._measure_in_turns(settings)
            with _alone(server, settings):
                self._torture(server)
                self._recover(server)

    def _peer_settings(
        self, stack: contextlib.ExitStack, peer: str, own_batch: int
    ) -> list[tuple[Running, Setting]]:
        """Start a peer; one that is missing or does not answer is listed with the reason."""
        if not peers.is_installed(peer):
            self.results.left_out[peers.PEERS[peer]] = peers.NOT_INSTALLED
            return []
        settings: list[tuple[Running, Setting]] = []
        works = [self._work, self._decode_only]
        for command, batch in peers.peer_commands(peer, works, own_batch):
            try:
                server = stack.enter_context(self._started(command))
            except ServerFailed as fault:
                self.results.left_out[f"{command.name}, Stapel {batch}"] = str(fault)
                continue
            settings += self._settings(server, command, 1, batch)
        return settings

    @contextlib.contextmanager
    def _started(self, command: Command) -> Iterator[Running]:
        with running(command, self._environment, self._folder) as server:
            self._meter.warm_up(server, self._work)
            self._meter.warm_up(server, self._decode_only)
            yield server

    def _settings(
        self, server: Running, command: Command, workers: int, batch: int
    ) -> list[tuple[Running, Setting]]:
        plan = self._plan
        rows = [(clients, 1) for clients in plan.clients]
        rows += [(self.compared_clients, bundle) for bundle in plan.bundle if bundle > 1]
        return [(server, Setting(command.name, workers, batch, *row)) for row in rows]

    def _measure_in_turns(self, settings: list[tuple[Running, Setting]]) -> None:
        """Measure all servers in each round, so that a busy moment of the machine hits them all.

        The others rest meanwhile: LitServe, for one, takes half a core while nobody asks it.
        """
        samples: dict[Setting, list[Sample]] = {setting: [] for _, setting in settings}
        decode_only: dict[Setting, list[Sample]] = {setting: [] for _, setting in settings}
        items = self._plan.requests
        for _ in range(self._plan.rounds):
            for server, setting in settings:
                with _alone(server, settings):
                    samples[setting].append(self._meter.sample(server, self._work, setting, items))
                    if setting.bundle == 1:
                        calls = max(items, LEAST_DECODE_ONLY_CALLS)
                        only = self._meter.sample(server, self._decode_only, setting, calls)
                        decode_only[setting].append(only)
        for server, setting in settings:
            row = make_row(setting, samples[setting], decode_only[setting], server.tree.memory())
            self.results.final.append(row)

    def _torture(self, server: Running) -> None:
        before = self._dispatched(server)
        report = torture(
            server.url,
            self._token,
            calls=self._plan.torture_calls,
            clients=TORTURE_CLIENTS,
            poison_share=POISON_SHARE,
            seed=self._plan.seed,
        )
        dispatched = difference(self._dispatched(server), before)
        self.results.torture = {
            **asdict(report),
            "is_clean": report.is_clean,
            "batch_histogram": dispatched,
            # Upper limits of size ranges; the range of single items ends at 1.
            "largest_dispatched_batch": max(map(float, dispatched), default=0.0),
        }

    def _dispatched(self, server: Running) -> Histogram:
        return parse_histogram(read_figures(server, self._figures_token), DISPATCHED)

    def _recover(self, server: Running) -> None:
        work = replace(self._work, sizes=RECOVERY_SIZES_PX)
        job: Mapping[str, Any] = {
            "url": server.url,
            "work": work.to_json(),
            "clients": RECOVERY_CLIENTS,
            "requests": RECOVERY_CALLS // (QUICK_SHARE if self._plan.quick else 1),
        }
        recovery = checks.recover(
            server,
            self._token,
            make_calls(work),
            lambda: self._load.send(job),
            lambda: self._load.receive(checks.LOAD_WITHIN_S),
        )
        self.results.recovery = asdict(recovery)


@contextlib.contextmanager
def _alone(server: Running, settings: list[tuple[Running, Setting]]) -> Iterator[None]:
    """Let every other server rest until the block ends."""
    others = {other.url: other for other, _ in settings if other.url != server.url}
    with contextlib.ExitStack() as stack:
        for other in others.values():
            stack.enter_context(other.tree.paused())
        yield
