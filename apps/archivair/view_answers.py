"""The four answers about a file: what came out, how sure, from where, what to do."""

from __future__ import annotations

from apps.archivair.file_run import FileRun
from shared import __version__
from shared.contracts.provenance import Provenance
from shared.ui import AppContext, answer_panel


def show_answers(ctx: AppContext, run: FileRun) -> None:
    """Answer the four questions for the whole file.

    Args:
        ctx: Context of the page.
        run: The reading of the file.
    """
    t = ctx.t
    what = t.plural(
        "{lines} Zeilen mit {words} Wörtern auf {count} Seite.",
        "{lines} Zeilen mit {words} Wörtern auf {count} Seiten.",
        len(run.read),
        lines=t.number(sum(len(one.lines) for one in run.readings)),
        words=t.number(run.words),
    )
    answer_panel(
        what=what,
        how_sure=_how_sure(ctx, run),
        origin=provenance(run),
        next_step=_next(ctx, run),
        t=t,
    )


def _how_sure(ctx: AppContext, run: FileRun) -> str:
    t = ctx.t
    if run.mean_confidence is None:
        return t("Ohne gelesenes Wort gibt es keine Schätzung.")
    count = t.plural(
        "{count} Wort ist unsicher.", "{count} Wörter sind unsicher.", run.doubtful_words
    )
    mean = t(
        "Die mittlere Sicherheit ist {mean}. Sie ist eine Schätzung, eingestellt an künstlich "
        "erzeugten Seiten; auf Ihren Papieren kann sie anders ausfallen. Gemessene Werte stehen im "
        "Steckbrief.",
        mean=t.percent(run.mean_confidence, 1),
    )
    return f"{count} {mean}"


def _next(ctx: AppContext, run: FileRun) -> str:
    t = ctx.t
    steps = []
    if run.failed:
        steps.append(t("Scannen Sie gescheiterte Seiten neu oder lesen Sie sie noch einmal."))
    if run.doubtful_words:
        steps.append(
            t(
                "Vergleichen Sie zuerst die gestrichelten Zeilen mit dem Scan, dann eine "
                "Stichprobe der übrigen."
            )
        )
    elif run.words:
        steps.append(t("Vergleichen Sie eine Stichprobe der Zeilen mit dem Scan."))
    else:
        steps.append(t("Sehen Sie am Papier nach, ob wirklich nichts darauf steht."))
    steps.append(
        t(
            "Nehmen Sie danach die Dateien mit. Heben Sie das Papier auf: Die Lesung ersetzt es "
            "nicht."
        )
    )
    return " ".join(steps)


def provenance(run: FileRun) -> Provenance:
    """Return where the result comes from.

    Args:
        run: The reading of the file.
    """
    sha256, name, script = run.key
    return Provenance(
        source=name,
        input_sha256=sha256,
        models=run.models,
        parameters={"script": script},
        created_at=run.created_at,
        duration_s=run.seconds,
        software_version=__version__,
        sample_data=run.is_sample,
    )
