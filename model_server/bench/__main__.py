"""Measures the model server: `python -m model_server.bench [--quick] [--peers all]`.

Prints JSON. Exit codes: 0 all targets met, 1 a target missed, 2 bad arguments (one German line).
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_server.bench.choice import apply
from model_server.bench.machine import describe_machine
from model_server.bench.mixed import cards
from model_server.bench.plan import BadArguments, Plan, parse_plan
from model_server.bench.report import all_met, make_report, markdown
from model_server.bench.session import Session
from model_server.bench.workload import KINDS, Work
from model_server.tasks.options import TEXT_ARCHITECTURES

BAD_INPUT = 2
MEASURABLE = "segment"


def work_of(plan: Plan) -> Work:
    """Return the workload of the plan's model.

    Raises:
        BadArguments: There is no such model, or its images are not what `segment` takes.
    """
    found = {card.name: card for card in cards()}.get(plan.model)
    if found is None:
        raise BadArguments(f"Das Modell {plan.model[:40]!r} ist nicht vorhanden.")
    if plan.peers and found.task != MEASURABLE:
        raise BadArguments(f"Der Vergleich misst nur Modelle der Aufgabe {MEASURABLE}.")
    takes_texts = found.architecture in TEXT_ARCHITECTURES
    return Work(
        task=found.task,
        model=found.name,
        sizes=plan.sizes,
        seed=plan.seed,
        gsd_m=found.input.gsd_best_m,
        kind="text" if takes_texts else KINDS.get(found.task, "tile"),
    )


def check_outputs(plan: Plan) -> None:
    """Notice before the long measurement that its result could not be written.

    Raises:
        BadArguments: The folder of a file is missing.
    """
    for file in (plan.out, plan.markdown):
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise BadArguments(f"Die Datei {file} kann nicht geschrieben werden.")


def measure(plan: Plan, work: Work) -> dict[str, Any]:
    """Run the bench and return its report."""
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="urbanki-bench-") as folder:
        session = Session(plan, work, Path(folder))
        results = session.run()
    if plan.apply and results.choice is not None:
        apply(results.choice)
    return make_report(plan, machine, results, session.bare.rounds, session.compared_clients)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments, measure, print JSON."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        plan = parse_plan(given)
        work = work_of(plan)
        check_outputs(plan)
    except BadArguments as fault:
        sys.stderr.write(f"{fault}\n")
        return BAD_INPUT
    report = measure(plan, work)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    if plan.out is None:
        sys.stdout.write(text)
    else:
        plan.out.write_text(text, encoding="utf-8")
    if plan.markdown is not None:
        command = shlex.join(["python", "-m", "model_server.bench", *given])
        plan.markdown.write_text(markdown(report, command), encoding="utf-8")
    return 0 if all_met(report) else 1


if __name__ == "__main__":
    sys.exit(main())
