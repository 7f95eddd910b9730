"""The way to the network with masks: arms, rendered stage, real tiles, report; all resumable.

Parts: `arm_X_SEED` compare networks on validation scenes; `rendered` trains the best of them on
rendered scenes alone; `pseudo` puts outlines into the boxes of the real tiles; `tuned_0` ... are
the folds of the cross-validation and `tuned` the shipped weights, both started from `rendered`;
`report` measures and writes `DIR/model`.
"""

from __future__ import annotations

from collections.abc import Sequence

from model_server.training.folds import make_folds
from model_server.training.mask_report import report
from model_server.training.mask_stages import (
    PSEUDO,
    RENDERED,
    REPORT,
    TUNED,
    MaskExperiment,
    make_pseudo_masks,
    train_arm,
    train_rendered,
    tune,
)
from model_server.training.runs import choose_parts
from model_server.training.tiles import read_tiles


def run_mask_experiment(experiment: MaskExperiment, parts: Sequence[str] | None = None) -> None:
    """Run the named parts, all of them by default; finished ones are skipped.

    Raises:
        UnknownPart: A part is unknown.
        ScenesUnusable: Rendered scenes are missing or broken.
        TilesUnusable: The real tiles cannot be read.
        StartWeightsMissing: The start weights are not installed.
        ArmsMissing: The rendered stage shall begin, but no arm is measured.
        PartMissing: A part shall begin that needs another one, which is not finished.
        OtherRecipe: The folder holds parts of another recipe.
    """
    tiles = read_tiles(experiment.source)
    folds = make_folds(tiles, experiment.fold_count, experiment.seed)
    for part in choose_parts(experiment.all_parts, parts):
        if part.startswith("arm_"):
            train_arm(experiment, part)
        elif part == RENDERED:
            train_rendered(experiment)
        elif part == PSEUDO:
            make_pseudo_masks(experiment, tiles)
        elif part == REPORT:
            report(experiment, folds)
        else:
            held_out = [] if part == TUNED else folds[experiment.fold_parts.index(part)]
            tune(experiment, part, tiles, [tile for tile in tiles if tile not in held_out])
