"""Train the recogniser of Fraktur lines: `python -m model_server.training.fraktur_line`.

With `--data DIR --out DIR --minutes N`. Parts: `train`; `anchors`, what other engines read in the
same lines; `report`, figures, ONNX file, card and sheet in `DIR/model`. Not in the default:
`search`, whether a model of characters helps; `labels`, doubtful transcriptions. All are kept in
`DIR/parts`, so that the same command goes on after a kill; with more minutes it goes on from the
state before the learning rate fell.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_server.training.process import restart_with_environment

MODULE = "model_server.training.fraktur_line"
PARTS = "train,anchors,report"
DATA = Path("../shared/data")


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 data missing or settings wrong."""
    options = _parse(arguments)
    restart_with_environment(options.threads, MODULE)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    # Only now, with the environment in place, may torch be imported.
    from model_server.training.fraktur.experiment import Experiment, PartMissing
    from model_server.training.fraktur.lines import LinesUnusable
    from model_server.training.fraktur.parts import UnknownPart, run_experiment
    from model_server.training.fraktur.rendered import FontMissing
    from model_server.training.timed_run import OtherSettings

    experiment = Experiment(
        data=options.data,
        folder=options.out,
        minutes=options.minutes,
        device=options.device,
        seed=options.seed,
        batch=options.batch,
        shape=options.shape,
        rendered=options.rendered,
        version=options.version,
        command=f"python -m {MODULE} {' '.join(_repeatable(options))}",
    )
    try:
        run_experiment(experiment, options.parts.split(","))
    except (FontMissing, LinesUnusable, OtherSettings, PartMissing, UnknownPart) as cause:
        print(cause, file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for parts and model")
    parser.add_argument("--minutes", type=float, default=120.0, help="CPU minutes of the training")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", choices=["small", "large"], default="small")
    parser.add_argument("--rendered", type=int, default=0, help="lines in a free font as well")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--version", default="0.1.0", help="of the model")
    parser.add_argument("--parts", default=PARTS)
    return parser.parse_args(arguments)


def _repeatable(options: argparse.Namespace) -> list[str]:
    """Return the arguments that decide the result, without paths and load of this machine."""
    return [
        "--data DIR --out DIR",
        f"--minutes {options.minutes:g}",
        f"--seed {options.seed}",
        f"--shape {options.shape}",
        f"--rendered {options.rendered}",
        f"--batch {options.batch}",
        f"--version {options.version}",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
