"""Commands around jobs: work on them, list them, show, cancel or repeat one.

`python -m shared.jobs` works until it is told to stop. The others print one JSON text on stdout.
Exit codes: 0 done, 2 bad input or set-up with one German line on stderr.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from queue import SimpleQueue
from types import FrameType
from typing import Any

from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_chain import audit_keys
from shared.auth.audited_commands import run_audited
from shared.command_line import GermanParser, print_json, refusal
from shared.contracts.identity.installation import LOCAL_SUBJECT, acting_as
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.errors import NotFound, ResultMissing, SettingInvalid, UrbanKiError
from shared.jobs.runner import runner_state
from shared.jobs.worker_process import set_up_log
from shared.settings import PRIVATE_UMASK, Settings, load_settings
from shared.store import runs
from shared.store.schema import prepare_database
from shared.store.store import Store, open_store

DONE, BAD_INPUT = 0, 2
MOST_LISTED = 100
MOST_WORKERS = 256
MOST_FAILURES = 50
_ROLES: Mapping[str, Role] = {
    "list": "viewer",
    "show": "viewer",
    "cancel": "admin",
    "retry": "sachbearbeitung",
}
"""The lowest role that may do what a command does; only `admin` stops what others have ordered."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    os.umask(PRIVATE_UMASK)
    try:
        chosen = _parser().parse_args(arguments)
        settings = load_settings()
        if chosen.command is None:
            return _work(settings, chosen.workers)
        prepare_database(settings)
        return _answer(settings, chosen)
    except NotFound:
        return _refuse(ResultMissing())
    except UrbanKiError as error:
        return _refuse(error)


def _refuse(error: UrbanKiError) -> int:
    sys.stderr.write(f"{refusal(error)}\n")
    return BAD_INPUT


def _parser() -> GermanParser:
    parser = GermanParser(
        prog="python -m shared.jobs",
        description="Arbeitet Aufträge ab, bis jemand stoppt; die Befehle zeigen und lenken sie.",
    )
    parser.add_argument(
        "--workers", type=int, default=None, help="Arbeitsprozesse; 0: je Kern einer"
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL")
    for name, meaning in (
        ("list", "Aufträge, die neuesten zuerst"),
        ("show", "einen Auftrag zeigen"),
        ("cancel", "einen Auftrag abbrechen; was fertig ist, bleibt"),
        ("retry", "nachholen, was gescheitert ist oder fehlt"),
    ):
        command = commands.add_parser(name, help=meaning)
        if name != "list":
            command.add_argument("run", type=_text, help="Kennung des Auftrags")
        command.add_argument(
            "--tenant",
            type=_text,
            default=HOME_TENANT,
            help="Kennung der Kommune",
        )
    return parser


def _text(word: str) -> str:
    """Return a word of the call; no database can look for one that is not UTF-8.

    Raises:
        ValueError: It is not.
    """
    word.encode()
    return word


def _answer(settings: Settings, chosen: argparse.Namespace) -> int:
    """Do a command as the person of the operating system; the audit tells of it."""
    principal = acting_as(_ROLES[chosen.command], LOCAL_SUBJECT, chosen.tenant)
    name = f"jobs/{chosen.command}"
    event = AuditEvent(
        Event.HEADLESS_COMMAND,
        principal,
        object_id=name if chosen.command == "list" else chosen.run,
        reason_code=name,
    )

    def work() -> int:
        print_json(_result(open_store(settings), principal, chosen))
        return DONE

    return run_audited(settings, event, work)


def _result(store: Store, principal: Principal, chosen: argparse.Namespace) -> Any:  # noqa: ANN401
    if chosen.command == "list":
        return {
            "runner": asdict(runner_state(store)),
            "runs": [
                _short(run)
                for run in runs.recent(principal, store, limit=MOST_LISTED, everybody=True)
            ],
        }
    now = datetime.now(UTC)
    if chosen.command == "cancel":
        runs.request_cancel(principal, store, chosen.run, now=now)
    if chosen.command == "retry":
        runs.go_on(principal, store, chosen.run)
    run = runs.get(principal, store, chosen.run)
    failed = runs.units(principal, store, chosen.run, states=("failed",), limit=MOST_FAILURES)
    return {
        **asdict(run),
        "failed_units": [
            {
                "ordinal": unit.ordinal,
                "key": unit.key,
                "code": unit.error_code,
                "message": unit.error_message,
            }
            for unit in failed
        ],
    }


def _short(run: runs.RunView) -> Mapping[str, Any]:
    names = (
        "id",
        "app",
        "job",
        "title",
        "started_by",
        "state",
        "units_total",
        "units_done",
        "units_failed",
        "message_code",
        "created_at",
        "finished_at",
    )
    return {name: getattr(run, name) for name in names}


def _work(settings: Settings, workers: int | None) -> int:
    """Work on the jobs until SIGTERM or Ctrl-C.

    Raises:
        SchemaDiffers: The tables belong to another version of the program.
        SecretUnusable: The installation's secret cannot be read, so no end could be audited.
        SettingInvalid: There cannot be so many workers.
    """
    count = _worker_count(settings, workers)
    audit_keys(settings)
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    # Dask and the tables are loaded only by the command that needs them.
    from shared.jobs.cluster import DaskCluster, TaskEnded
    from shared.jobs.lease import Lease, Owner
    from shared.jobs.supervisor import Supervisor, prepare

    set_up_log(settings.log_level)
    if not prepare(settings, stop):
        return DONE
    store = open_store(settings)
    if settings.mode == "kiosk":
        from shared.jobs.samples import KioskChores

        KioskChores(store).start(stop)
    ended: SimpleQueue[TaskEnded] = SimpleQueue()
    cluster = DaskCluster(settings, count, ended)
    Supervisor(store, Lease(store.engine, Owner.this_process()), cluster, ended).run(stop)
    return DONE


def _worker_count(settings: Settings, asked: int | None) -> int:
    count = settings.job_workers if asked is None else asked
    if not 0 <= count <= MOST_WORKERS:
        raise SettingInvalid(name="--workers", value=count)
    return count or os.cpu_count() or 1
