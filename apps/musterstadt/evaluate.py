"""`python -m apps.musterstadt.evaluate` measures how real the town is and writes `evaluation.json`.

Rendered test scenes are compared with real aerial images and real roofs of the development data;
without these data nothing is written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from shared import __version__
from shared.command_line import GermanParser, print_json, refusal
from shared.demo_city import DRAWN_HOMES, measure_split
from shared.errors import FileMissing, InputError
from shared.settings import get_settings

COMMAND: Final = "python -m apps.musterstadt.evaluate"
OUT: Final = Path(__file__).resolve().parent / "evaluation.json"
SCENES: Final = 100
BAD_INPUT: Final = 2
ROOFS: Final = (
    ("outline_area_m2", "Grundflächen", "footprint areas"),
    ("plane_slope_deg", "Neigungen", "slopes"),
    ("solar_area_m2", "Größen der Solaranlagen", "sizes of solar installations"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = GermanParser(prog=COMMAND, description="Misst, wie echt Musterstadt aussieht.")
    parser.add_argument("--scenes", type=int, default=SCENES, help="Zahl der Szenen")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    try:
        options = parser.parse_args(arguments)
        if options.scenes < 1:
            parser.refuse("--scenes braucht eine Zahl ab 1.")
        content = evaluate(options.scenes, get_settings().development_data_dir, options.date)
    except InputError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return BAD_INPUT
    options.out.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print_json(content)
    return 0


def evaluate(scenes: int, data: Path, measured_on: date) -> dict[str, Any]:
    """Measure rendered test scenes.

    Args:
        scenes: Number of scenes.
        data: Folder with development data.
        measured_on: Day of the measurement.

    Raises:
        FileMissing: The data are not there.
    """
    measured = measure_split("test", scenes, data)
    real, roofs = measured["real_images"], measured["kolmogorov"]
    if real is None or roofs is None:
        raise FileMissing(name=str(data))
    measures = len(real["inside_band_per_measure"])
    common = {"command": COMMAND, "measured_on": measured_on.isoformat()}
    return {
        "figures": [
            {
                "name": "Messwerte echter Luftbilder im Bereich der gerechneten",
                "name_en": "Measures of real aerial images within the range of rendered ones",
                "value": real["inside_band"],
                "unit": "percent",
                "digits": 0,
                "data": f"{measures} Messwerte von {real['tiles']} Kacheln, solar_tiles_train",
                "data_en": f"{measures} measures of {real['tiles']} tiles, solar_tiles_train",
                "items": measures * real["tiles"],
                **common,
            },
            *(
                {
                    "name": f"Unterschied zu echten Dächern, {german} (Kolmogorow-Abstand)",
                    "name_en": f"Difference to real roofs, {english} (Kolmogorov distance)",
                    "value": round(roofs[key], 3),
                    "digits": 2,
                    "data": "zurückgelegtes Fünftel von rid_wartenberg_vector",
                    "data_en": "held-back fifth of rid_wartenberg_vector",
                    "items": DRAWN_HOMES,
                    **common,
                }
                for key, german, english in ROOFS
            ),
        ],
        "measures": measured,
        "software_version": __version__,
    }


if __name__ == "__main__":
    raise SystemExit(main())
