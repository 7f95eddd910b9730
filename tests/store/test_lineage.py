"""Where a layer comes from: files, runs and layers behind it, as far as they are one's own."""

import pytest
from sqlalchemy import delete

from shared.errors import NotFound
from shared.store import dataspace
from shared.store.engine import session_scope
from shared.store.lineage import lineage
from shared.store.models import LayerUseRow, RunRow
from shared.store.store import Store
from tests.store.filled import NOW, finished, published
from tests.store.servers import acting

ANNA, ADMIN = acting(), acting(role="admin", subject="chefin")
BERT = acting("herten", "bert")


def test_the_tree_names_runs_layers_and_files(store: Store) -> None:
    roofs_run = finished(store, ANNA, "luftbild")
    roofs = published(store, ANNA, roofs_run)
    duty_run = finished(store, ANNA, "bescheide", app="sovia")
    dataspace.note_use(ANNA, store, duty_run.id, [roofs.id])
    duty = published(store, ANNA, duty_run, name="sovia/pflicht")
    tree = lineage(ANNA, store, duty.id)
    assert (tree.kind, tree.id, tree.version, tree.licence) == ("layer", duty.id, 1, "CC BY 4.0")
    [run] = tree.parents
    assert (run.kind, run.id, run.title) == ("run", duty_run.id, "Auftrag bescheide")
    file, layer = run.parents
    assert (file.kind, file.title) == ("file", "bescheide.txt")
    assert file.id == duty_run.inputs[0].sha256
    assert (layer.kind, layer.id) == ("layer", roofs.id)
    assert [parent.id for parent in layer.parents] == [roofs_run.id]


def test_another_municipality_s_layer_keeps_its_origin_to_itself(store: Store) -> None:
    roofs = published(store, ADMIN, finished(store, ANNA, "luftbild"), share="alle", word="wort")
    run = finished(store, BERT, "eigenes")
    dataspace.note_use(BERT, store, run.id, [roofs.id])
    own = published(store, BERT, run, name="aviary/eigenes")
    foreign = lineage(BERT, store, own.id).parents[0].parents[1]
    assert (foreign.owner, foreign.licence, foreign.credit_line) == (
        "musterstadt",
        "CC BY 4.0 wort",
        "Stadt wort",
    )
    assert foreign.parents == ()
    assert lineage(BERT, store, roofs.id).parents == ()
    with pytest.raises(NotFound):
        lineage(ANNA, store, own.id)


def test_a_layer_remembers_its_files_when_its_run_is_over(store: Store) -> None:
    run = finished(store, ANNA, "luftbild")
    layer = published(store, ANNA, run)
    with session_scope(store.engine) as session:
        session.execute(delete(RunRow).where(RunRow.id == run.id))
    [file] = lineage(ANNA, store, layer.id).parents
    assert (file.kind, file.title, file.id) == ("file", "luftbild.txt", "0" * 64)


def test_a_circle_ends(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "kreis")
    layer = published(store_sqlite, ANNA, run, now=NOW)
    with session_scope(store_sqlite.engine) as session:
        session.add(LayerUseRow(run_id=run.id, layer_id=layer.id))
    [run_node] = lineage(ANNA, store_sqlite, layer.id).parents
    assert (run_node.parents[-1].id, run_node.parents[-1].parents) == (layer.id, ())


def test_a_long_chain_is_cut(store_sqlite: Store) -> None:
    before: list[str] = []
    for number in range(23):
        run = finished(store_sqlite, ANNA, f"glied {number}")
        dataspace.note_use(ANNA, store_sqlite, run.id, before)
        before = [published(store_sqlite, ANNA, run, name=f"aviary/glied{number}").id]
    node, depth = lineage(ANNA, store_sqlite, before[0]), 0
    while node.parents and node.parents[0].parents[-1].kind == "layer":
        node, depth = node.parents[0].parents[-1], depth + 1
    assert depth == 20


def test_layers_that_went_into_each_other_are_shown_once(store_sqlite: Store) -> None:
    """Two that are each made from the two before: a tree of 2 to the power of 12, if repeated."""
    before: list[str] = []
    for number in range(12):
        run = finished(store_sqlite, ANNA, f"paar {number}")
        dataspace.note_use(ANNA, store_sqlite, run.id, before)
        before = [
            published(store_sqlite, ANNA, run, name=f"aviary/{side}{number}", word=side).id
            for side in ("links", "rechts")
        ]
    open_nodes, count = [lineage(ANNA, store_sqlite, before[0])], 0
    while open_nodes:
        node = open_nodes.pop()
        open_nodes.extend(node.parents)
        count += 1
    assert count < 12 * 8
