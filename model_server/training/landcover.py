"""Train the land-cover model: `python -m model_server.training.landcover --scenes DIR --out DIR`.

Parts: short runs of the compared networks (`a1` is network a with seed 1), the shipped run
(`final`), then `report` with figures, card and ONNX file in `DIR/model`. All are kept in
`DIR/parts`, so that the same command goes on after a kill; with more minutes a run goes on from the
state before its learning rate fell. `--minutes` counts for each part.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_server.training.process import restart_with_environment

MODULE = "model_server.training.landcover"
PARTS = "a1,b1,c1,final,report"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 data or start weights missing."""
    options = _parse(arguments)
    restart_with_environment(options.threads, MODULE)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    # Only now, with the environment in place, may torch be imported.
    from model_server.training.landcover_experiment import (
        Experiment,
        PartMissing,
        UnknownPart,
        run_experiment,
    )
    from model_server.training.rendered import ScenesUnusable
    from model_server.training.start_weights import StartWeightsMissing
    from model_server.training.timed_run import OtherSettings

    experiment = Experiment(
        scenes=options.scenes,
        folder=options.out,
        minutes=options.minutes,
        device=options.device,
        seed=options.seed,
        batch=options.batch,
        side_px=options.side,
        arm=options.arm,
        version=options.version,
        command=f"python -m {MODULE} {' '.join(_repeatable(options))}",
    )
    try:
        run_experiment(experiment, options.parts.split(","))
    except (ScenesUnusable, StartWeightsMissing, OtherSettings, PartMissing, UnknownPart) as cause:
        print(cause, file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument(
        "--scenes", type=Path, required=True, help="train/, val/, test/ with shards"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for parts and model")
    parser.add_argument("--minutes", type=float, default=180.0, help="limit per part, CPU minutes")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arm", choices=["a", "b", "c"], default="c", help="of the part final")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="pixels of a square")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--version", default="0.1.0", help="of the shipped model")
    parser.add_argument("--parts", default=PARTS)
    return parser.parse_args(arguments)


def _repeatable(options: argparse.Namespace) -> list[str]:
    """Return the arguments that decide the result, without paths and load of this machine."""
    names = ("minutes", "device", "seed", "arm", "batch", "side")
    pairs = [[f"--{name}", f"{getattr(options, name)}"] for name in names]
    return [*(text for pair in pairs for text in pair), "--scenes", "SCENES", "--out", "DIR"]


if __name__ == "__main__":
    sys.exit(main())
