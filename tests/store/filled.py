"""Runs with everything that can belong to one, for the tests that remove or read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import StoredFile
from shared.report.csv_out import write_csv
from shared.store import artifacts, dataspace, decisions, feedback, runs
from shared.store.artifact_rows import own_row
from shared.store.engine import session_scope
from shared.store.layers import Layer, Publication, Share
from shared.store.models import RunFileRow, RunRow, UnitRow
from shared.store.store import Store

NOW = datetime.now(UTC).replace(microsecond=0)
"""Files carry the time of their writing, so the tests start at the present."""
DAY = timedelta(days=1)
TABLE = {"flurstueck": "text", "flaeche_m2": "number"}


def stored(
    store: Store, principal: Principal, content: bytes, name: str = "datei.txt", **changes: object
) -> StoredFile:
    """Store a file."""
    about = {"media_type": "text/plain", "kind": "upload", "is_example": False, "now": NOW}
    return artifacts.save(principal, store, content, name=name, **(about | changes))


def ordered(
    store: Store, principal: Principal, word: str, *, app: str = "aviary", example: bool = False
) -> runs.RunView:
    """Order a run of which every text holds the word."""
    file = stored(store, principal, f"Eingabe {word}".encode(), f"{word}.txt", is_example=example)
    order = runs.RunOrder(
        app, "suchen", f"Auftrag {word}", (file,), {"wort": word}, is_example=example
    )
    return runs.submit(principal, store, order, now=NOW)


def finished(
    store: Store,
    principal: Principal,
    word: str,
    *,
    app: str = "aviary",
    example: bool = False,
    ended_at: datetime = NOW,
    state: str = "done",
) -> runs.RunView:
    """A run with two units, one of them with a file, and a result file."""
    run = ordered(store, principal, word, app=app, example=example)
    of_unit = stored(store, principal, f"Teil {word}".encode(), f"teil {word}.txt")
    result = stored(store, principal, f"Ergebnis {word}".encode(), f"ergebnis {word}.txt")
    tenant = principal.active_tenant
    with session_scope(store.engine) as session:
        unit_file = own_row(session, tenant, of_unit.sha256).id
        session.add_all(
            [
                UnitRow(run_id=run.id, ordinal=0, key=word, state="done", result_json={"w": word},
                        artifact_id=unit_file, file_name=of_unit.name, seconds=1.0),
                UnitRow(run_id=run.id, ordinal=1, key=f"{word} 2", state="failed",
                        error_code="auftrag", error_message=word, error_details={"w": word}),
                RunFileRow(run_id=run.id, role="result", ordinal=0, name=result.name,
                           artifact_id=own_row(session, tenant, result.sha256).id),
            ]
        )  # fmt: skip
        session.execute(
            update(RunRow)
            .where(RunRow.id == run.id)
            .values(
                state=state,
                finished_at=None if state in runs.ACTIVE else ended_at,
                summary_json={"wort": word},
                provenance_json={"inputs": [{"name": f"{word}.txt", "sha256": "0" * 64}]},
                message_details={"wort": word},
                units_total=2,
                units_done=1,
                units_failed=1,
            )
        )
    return runs.get(principal, store, run.id)


def published(
    store: Store,
    principal: Principal,
    run: runs.RunView,
    *,
    name: str = "aviary/dach",
    rows: int = 2,
    word: str = "",
    share: Share = "eigene",
    now: datetime = NOW,
) -> Layer:
    """Publish a small table of a run."""
    cells = [(f"05{number:03d}{word}", number + 0.5) for number in range(rows)]
    content = write_csv(list(TABLE), cells)
    file = stored(store, principal, content, "tabelle.csv", media_type="text/csv", kind="result")
    publication = Publication(
        name, f"Dächer {word}", file, TABLE, f"CC BY 4.0 {word}", f"Stadt {word}", share
    )
    return dataspace.publish(principal, store, run.id, publication, now=now)


def decided(store: Store, principal: Principal, run: runs.RunView, word: str) -> None:
    """Decide about an item of a run and leave a hint."""
    decisions.decide(principal, store, run.id, f"dach {word}", "bestaetigt", word, now=NOW)
    feedback.flag(principal, store, run.app, 1, f"Hinweis {word}", now=NOW, run_id=run.id)
