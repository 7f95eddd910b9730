"""Train the finder of solar arrays: `python -m model_server.training.solar --out DIR`.

`--head boxes` (real tiles alone), parts: folds and a random start for comparison (both only to
measure), then the shipped weights on all tiles, then the report with figures, card and ONNX file in
`DIR/model`. `--head masks` (rendered scenes, then real tiles): see `mask_experiment`.

Every part is kept in `DIR/parts` and skipped when it is done, so the same command goes on after a
kill, at most one epoch of some minutes behind; `--parts` runs some of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model_server.training.process import restart_with_environment
from shared.settings import get_settings

DATA_SET = "solar_tiles_train"
MODULE = "model_server.training.solar"
EPOCHS = 15
IMAGE_SIZE_PX = 512
BATCH = 4
LEARNING_RATE = 0.001
RENDERED_EPOCHS, TUNED_EPOCHS = 40, 14
MASK_BATCH = 8
BOX_NAMES = ("minutes", "device", "seed", "folds", "epochs", "image_size", "start")
MASK_NAMES = (
    *("head", "minutes", "device", "seed", "arm_seeds", "folds"),
    *("rendered_epochs", "tuned_epochs", "image_size"),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 data or start weights missing."""
    options = _parse(arguments)
    source = options.data or get_settings().development_data_dir / DATA_SET
    if not (source / "tiles.csv").is_file():
        print(
            f"Die Trainingsdaten fehlen: {source} enthält keine Datei tiles.csv. "
            "Setzen Sie URBANKI_DEVELOPMENT_DATA_DIR auf den Ordner der Datensätze.",
            file=sys.stderr,
        )
        return 2
    restart_with_environment(options.threads, MODULE)
    return _run_masks(options, source) if options.head == "masks" else _run(options, source)


def _run_masks(options: argparse.Namespace, source: Path) -> int:
    from model_server.training.mask_arms import ArmsMissing
    from model_server.training.mask_experiment import run_mask_experiment
    from model_server.training.mask_stages import MaskExperiment, PartMissing
    from model_server.training.rendered import ScenesUnusable
    from model_server.training.runs import OtherRecipe, UnknownPart
    from model_server.training.start_weights import StartWeightsMissing
    from model_server.training.tiles import TilesUnusable

    names = ("arm_seeds", "rendered_epochs", "tuned_epochs", "minutes", "device", "threads", "seed")
    experiment = MaskExperiment(
        source=source,
        scenes=options.scenes or options.out / "scenes",
        folder=options.out,
        fold_count=options.folds,
        image_size_px=options.image_size,
        batch=MASK_BATCH if options.device == "cpu" else 8 * MASK_BATCH,
        learning_rate=LEARNING_RATE,
        command=f"python -m {MODULE} " + " ".join(_repeatable(options, MASK_NAMES)),
        **{name: getattr(options, name) for name in names},
    )
    try:
        run_mask_experiment(experiment, options.parts.split(",") if options.parts else None)
    except (
        TilesUnusable,
        ScenesUnusable,
        StartWeightsMissing,
        OtherRecipe,
        UnknownPart,
        ArmsMissing,
        PartMissing,
    ) as cause:
        print(cause, file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace, source: Path) -> int:
    # Only now, with the environment in place, may torch be imported.
    from model_server.training.detector import Recipe
    from model_server.training.experiment import Experiment, run_experiment
    from model_server.training.runs import OtherRecipe, UnknownPart
    from model_server.training.start_weights import StartWeightsMissing
    from model_server.training.tiles import TilesUnusable

    recipe = Recipe(
        start=options.start,
        epochs=options.epochs,
        image_size_px=options.image_size,
        batch=BATCH if options.device == "cpu" else 4 * BATCH,
        learning_rate=LEARNING_RATE,
        seed=options.seed,
    )
    experiment = Experiment(
        source=source,
        folder=options.out,
        recipe=recipe,
        fold_count=options.folds,
        minutes=options.minutes,
        device=options.device,
        threads=options.threads,
        command=f"python -m {MODULE} " + " ".join(_repeatable(options, BOX_NAMES)),
    )
    try:
        run_experiment(experiment, options.parts.split(",") if options.parts else None)
    except (TilesUnusable, StartWeightsMissing, OtherRecipe, UnknownPart) as cause:
        print(cause, file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for parts and model")
    parser.add_argument("--minutes", type=float, default=60.0, help="limit per part, CPU minutes")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--image-size", type=int, default=IMAGE_SIZE_PX, help="pixels")
    parser.add_argument("--start", choices=["layout", "random"], default="layout")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--head", choices=["boxes", "masks"], default="boxes")
    parser.add_argument("--scenes", type=Path, help="folder with train, val, test; DIR/scenes")
    parser.add_argument("--arm-seeds", type=int, default=2)
    parser.add_argument("--rendered-epochs", type=int, default=RENDERED_EPOCHS)
    parser.add_argument("--tuned-epochs", type=int, default=TUNED_EPOCHS)
    parser.add_argument("--data", type=Path, help="folder with tiles.csv, images/, labels/")
    parser.add_argument("--parts", default="", help="some parts alone, by commas")
    return parser.parse_args(arguments)


def _repeatable(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Return the arguments that decide the result, without paths and load of this machine."""
    pairs = [[f"--{name.replace('_', '-')}", f"{getattr(options, name)}"] for name in names]
    return [*(text for pair in pairs for text in pair), "--out", "DIR"]


if __name__ == "__main__":
    sys.exit(main())
