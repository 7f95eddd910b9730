"""Two municipalities, every public function of every repository: no foreign row, no foreign file.

The functions are found by themselves: a new one without a case fails here.
"""

import ast
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType

import pytest
from sqlalchemy import MetaData, select, update

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import StoredFile
from shared.errors import ChangedMeanwhile, NotFound
from shared.settings import REPOSITORY
from shared.store import (
    artifacts,
    dataspace,
    decisions,
    deletion,
    feedback,
    lineage,
    progress,
    retention,
    runs,
)
from shared.store.decisions import Decision
from shared.store.engine import read_scope, session_scope
from shared.store.joins import JOIN
from shared.store.layer_files import GEOJSON
from shared.store.layers import Layer, Publication
from shared.store.models import RunRow, SignalRow
from shared.store.runs import RunOrder, RunView
from shared.store.store import Store
from tests.store.filled import NOW, TABLE, decided, finished, ordered, published, stored
from tests.store.servers import acting

REPOSITORIES = (
    artifacts, dataspace, decisions, deletion, feedback, lineage, progress, retention, runs,
)  # fmt: skip
HOUSEKEEPING = {
    "artifacts.collect_garbage",
    "retention.expiry",
    "retention.periods",
    "retention.purge",
}
"""Of the whole house: the supervisor and the operator's commands call them, never a page."""
MARK, OWN = "fremdwort", "eigenwort"
OWNER = acting("musterstadt", "anna", "admin")
INTRUDER = acting("herten", "anna", "admin")
"""The same subject and the highest role, but elsewhere."""


@dataclass(frozen=True)
class World:
    """What belongs to the first municipality."""

    run: RunView
    active: RunView
    stopped: RunView
    layer: Layer
    decision: Decision
    file: StoredFile


Case = Callable[[Principal, Store, World], object]


def order(world: World) -> RunOrder:
    return RunOrder("aviary", "suchen", "noch einmal", world.run.inputs)


def publication(world: World) -> Publication:
    return Publication("aviary/neu", "Neu", world.layer.file, TABLE, "CC0", "Stadt")


CASES: dict[str, Case] = {
    "artifacts.save": lambda who, store, world: stored(store, who, b"neu"),
    "artifacts.read": lambda who, store, world: artifacts.read(who, store, world.file),
    "artifacts.open_file": lambda who, store, world: _content(
        artifacts.open_file(who, store, world.file)
    ),
    "artifacts.local_path": lambda who, store, world: artifacts.local_path(
        who, store, world.file
    ).read_bytes(),
    "dataspace.publish": lambda who, store, world: dataspace.publish(
        who, store, world.run.id, publication(world), now=NOW
    ),
    "dataspace.list_layers": lambda who, store, world: dataspace.list_layers(
        who, store, all_versions=True
    ),
    "dataspace.find_layer": lambda who, store, world: dataspace.find_layer(
        who, store, "aviary/dach", owner="musterstadt"
    ),
    "dataspace.layer_by_id": lambda who, store, world: dataspace.layer_by_id(
        who, store, world.layer.id
    ),
    "dataspace.read_table": lambda who, store, world: dataspace.read_table(
        who, store, "aviary/dach", owner="musterstadt"
    ).to_csv(),
    "dataspace.read_layer": lambda who, store, world: dataspace.read_layer(
        who, store, "aviary/punkte", owner="musterstadt"
    ).to_csv(),
    "dataspace.layer_path": lambda who, store, world: dataspace.layer_path(
        who, store, world.layer.id
    ).read_bytes(),
    "dataspace.as_input": lambda who, store, world: dataspace.as_input(
        who, store, world.layer.id, now=NOW
    ),
    "dataspace.note_use": lambda who, store, world: dataspace.note_use(
        who, store, world.run.id, [world.layer.id]
    ),
    "dataspace.share": lambda who, store, world: dataspace.share(
        who, store, world.layer.id, "alle"
    ),
    "decisions.decide": lambda who, store, world: decisions.decide(
        who, store, world.run.id, "anderes", "ja", now=NOW
    ),
    "decisions.undo": lambda who, store, world: decisions.undo(
        who, store, world.run.id, world.decision.item_key, now=NOW, seen=world.decision.id
    ),
    "decisions.current": lambda who, store, world: decisions.current(who, store, world.run.id),
    "decisions.history": lambda who, store, world: decisions.history(who, store, world.run.id),
    "deletion.delete_run": lambda who, store, world: deletion.delete_run(
        who, store, world.run.id, force=True
    ),
    "deletion.delete_own": lambda who, store, world: deletion.delete_own(who, store, force=True),
    "deletion.delete_app": lambda who, store, world: deletion.delete_app(
        who, store, "aviary", force=True
    ),
    "deletion.delete_tenant": lambda who, store, world: deletion.delete_tenant(
        who, store, force=True
    ),
    "deletion.delete_layer": lambda who, store, world: deletion.delete_layer(
        who, store, world.layer.id, force=True
    ),
    "deletion.readers": lambda who, store, world: deletion.readers(who, store, world.layer.id),
    "feedback.flag": lambda who, store, world: feedback.flag(
        who, store, "aviary", 1, "neu", now=NOW, run_id=world.run.id
    ),
    "feedback.list_feedback": lambda who, store, world: feedback.list_feedback(who, store),
    "feedback.export_feedback": lambda who, store, world: feedback.export_feedback(who, store),
    "lineage.lineage": lambda who, store, world: lineage.lineage(who, store, world.layer.id),
    "progress.read_pace": lambda who, store, world: (
        progress.read_pace(who, store, world.run.id, 2).seconds
    ),
    "runs.submit": lambda who, store, world: runs.submit(who, store, order(world), now=NOW),
    "runs.get": lambda who, store, world: runs.get(who, store, world.run.id),
    "runs.recent": lambda who, store, world: runs.recent(who, store, everybody=True),
    "runs.units": lambda who, store, world: runs.units(who, store, world.run.id),
    "runs.result_files": lambda who, store, world: runs.result_files(who, store, world.run.id),
    "runs.request_cancel": lambda who, store, world: runs.request_cancel(
        who, store, world.active.id, now=NOW
    ),
    "runs.go_on": lambda who, store, world: runs.go_on(who, store, world.run.id),
    "runs.is_joining": lambda who, store, world: (
        MARK if runs.is_joining(who, store, world.stopped.id) else ""
    ),
    "runs.runs_ahead": lambda who, store, world: runs.runs_ahead(who, store, world.active.id),
}
READS = {
    "artifacts.read", "artifacts.open_file", "artifacts.local_path", "dataspace.list_layers",
    "dataspace.find_layer", "dataspace.layer_by_id", "dataspace.read_table",
    "dataspace.layer_path", "dataspace.read_layer", "decisions.current", "decisions.history",
    "feedback.list_feedback", "feedback.export_feedback", "lineage.lineage",
    "runs.get", "runs.recent", "runs.units", "runs.result_files", "runs.is_joining",
}  # fmt: skip
"""Their answer to the owner holds the owner's words, so the test would see a leak."""
REFUSED = (NotFound, ChangedMeanwhile)


def _content(stream: object) -> bytes:
    with stream as opened:  # type: ignore[attr-defined]
        return opened.read()


def public_functions(module: ModuleType) -> dict[str, FunctionType]:
    short = module.__name__.rpartition(".")[2]
    return {
        f"{short}.{name}": function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


FUNCTIONS = {
    name: function for module in REPOSITORIES for name, function in public_functions(module).items()
}


def make_world(store: Store) -> World:
    run = finished(store, OWNER, MARK)
    decided(store, OWNER, run, MARK)
    squares = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"wort": MARK},
                "geometry": {"type": "Point", "coordinates": [7.1, 51.4]},
            }
        ],
    }
    content = json.dumps(squares).encode()
    file = stored(store, OWNER, content, "punkte.geojson", media_type=GEOJSON)
    points = Publication(
        "aviary/punkte", "Punkte", file, {"wort": "text", "geometry": "geometry"}, "CC0", "Stadt"
    )
    dataspace.publish(OWNER, store, run.id, points, now=NOW)
    own = finished(store, INTRUDER, OWN)
    decided(store, INTRUDER, own, OWN)
    published(store, INTRUDER, own, word=OWN)
    return World(
        run=run,
        active=ordered(store, OWNER, f"{MARK} laeuft"),
        stopped=stopped(store),
        layer=published(store, OWNER, run, word=MARK),
        decision=next(iter(decisions.current(OWNER, store, run.id).values())),
        file=run.inputs[0],
    )


def stopped(store: Store) -> RunView:
    """A run that was stopped and whose part is still to be joined."""
    run = ordered(store, OWNER, f"{MARK} angehalten")
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == run.id).values(state="cancelled"))
        session.add(SignalRow(run_id=run.id, kind=JOIN))
    return run


def belongings(store: Store) -> tuple[set[str], set[str]]:
    """Rows and files of the first municipality."""
    own = {row for row in all_rows(store) if MARK in row or OWNER.active_tenant in row}
    return own, set(store.files.keys(OWNER.active_tenant))


def all_rows(store: Store) -> set[str]:
    """Every row of every table as text."""
    tables = MetaData()
    tables.reflect(store.engine)
    with read_scope(store.engine) as session:
        return {
            f"{table.name} {tuple(row)!r}"
            for table in tables.sorted_tables
            for row in session.execute(select(table))
        }


def test_every_function_has_a_case_and_every_case_a_function() -> None:
    assert set(CASES) == set(FUNCTIONS) - HOUSEKEEPING
    assert set(FUNCTIONS) >= HOUSEKEEPING
    assert set(CASES) >= READS


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_first_argument_is_whoever_acts(name: str) -> None:
    first = next(iter(inspect.signature(FUNCTIONS[name]).parameters.values()))
    assert (first.name, first.annotation) == ("principal", "Principal")


def test_a_stranger_gets_nothing_and_changes_nothing(store: Store) -> None:
    world = make_world(store)
    before = belongings(store)
    assert len(before[0]) > 10
    foreign = (MARK, world.run.id, world.layer.id, world.decision.id, world.file.sha256)
    leaks = {}
    for name, case in CASES.items():
        try:
            text = repr(case(INTRUDER, store, world))
        except REFUSED:
            text = ""
        if any(word in text for word in foreign) or belongings(store) != before:
            leaks[name] = text
    assert leaks == {}


def test_the_owner_reads_it_so_the_cases_are_real_ones(store_sqlite: Store) -> None:
    world = make_world(store_sqlite)
    before = belongings(store_sqlite)
    blind = [name for name in READS if MARK not in repr(CASES[name](OWNER, store_sqlite, world))]
    assert blind == []
    assert belongings(store_sqlite) == before


@pytest.mark.parametrize("name", sorted(set(CASES) - READS))
def test_the_owner_may_do_it_so_the_case_is_a_real_one(store_sqlite: Store, name: str) -> None:
    world = make_world(store_sqlite)
    before = all_rows(store_sqlite)
    answer = CASES[name](OWNER, store_sqlite, world)
    assert answer is not None or all_rows(store_sqlite) != before


@pytest.mark.parametrize("folder", ["apps", "shared/ui"])
def test_pages_leave_the_cleaning_to_the_house(folder: str) -> None:
    cleaning = {"purge", "collect_garbage"}
    found = [
        f"{path}: {name}"
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _names(node)
        if name in cleaning
    ]
    assert found == []


def _names(node: ast.AST) -> set[str]:
    """What a piece of code imports or reaches for."""
    if isinstance(node, ast.ImportFrom | ast.Import):
        return {alias.name.rpartition(".")[2] for alias in node.names}
    return {node.attr} if isinstance(node, ast.Attribute) else set()
