"""The origin of stored runs: put together here, written into every file, read back from it."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from shared import __version__
from shared.contracts.provenance import (
    LOCAL_ZONE,
    FailedUnit,
    InputFile,
    ModelUse,
    Provenance,
    RuleFile,
)
from shared.settings import REPOSITORY
from shared.store.provenance_files import (
    embed_in_gpkg,
    embed_in_json,
    embed_in_pdf,
    embed_in_png,
    sheet_cells,
    side_file_name,
    write_cog,
)
from shared.store.provenance_reading import read_back
from shared.store.provenance_text import DECISION, SCHEMA, from_dict, from_json, to_dict, to_json

if TYPE_CHECKING:
    from shared.store.runs import RunView

MOST_NAMED_FAILURES = 50
GIT_SECONDS = 2.0
_DESCRIBED = re.compile(r"[A-Za-z0-9._/-]{1,100}")

__all__ = [
    "DECISION",
    "SCHEMA",
    "describe",
    "embed_in_gpkg",
    "embed_in_json",
    "embed_in_pdf",
    "embed_in_png",
    "from_dict",
    "from_json",
    "joint_hash",
    "read_back",
    "sheet_cells",
    "side_file_name",
    "software_version",
    "to_dict",
    "to_json",
    "write_cog",
]


def describe(
    run: RunView,
    *,
    tenant: str,
    models: Sequence[ModelUse] = (),
    failed: Sequence[FailedUnit] = (),
    rules: Sequence[RuleFile] = (),
    seeds: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
    version: str | None = None,
) -> Provenance:
    """Return where the result of a stored run comes from.

    Args:
        run: The run as it stands.
        tenant: Id of the municipality.
        models: Models that took part; each is named once, in the order of first use.
        failed: Parts without a result; the first 50 are named, `units_failed` counts all.
        rules: Dated rules that were applied.
        seeds: Start values of random numbers by purpose.
        notes: Translatable remarks.
        version: Version of the program that ran it; None takes this one's.
    """
    ended = run.finished_at or run.started_at or run.created_at
    began = run.started_at or run.created_at
    return Provenance(
        source=run.title,
        input_sha256=joint_hash([file.sha256 for file in run.inputs]),
        models=tuple(dict.fromkeys(models)),
        parameters=dict(run.parameters),
        created_at=ended.astimezone(LOCAL_ZONE),
        duration_s=round(max(0.0, (ended - began).total_seconds()), 3),
        software_version=software_version() if version is None else version,
        sample_data=run.is_example,
        notes=tuple(notes),
        tenant=tenant,
        app=run.app,
        run_id=run.id,
        inputs=tuple(InputFile(file.name, file.sha256) for file in run.inputs),
        rules=tuple(rules),
        seeds=dict(seeds or {}),
        started_at=began.astimezone(LOCAL_ZONE),
        units_total=run.units_total,
        units_failed=max(run.units_failed, len(failed)),
        failed_units=tuple(failed[:MOST_NAMED_FAILURES]),
        units_left=run.units_left,
    )


def joint_hash(hashes: Sequence[str]) -> str:
    """Return one hash for several inputs: the only one, or the hash of all in order.

    Args:
        hashes: Hexadecimal SHA-256 of each input.
    """
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


@lru_cache(maxsize=1)
def software_version() -> str:
    """Return the version of this program: `git describe` in a checkout, else the package's.

    Asked once in a process; a git that is missing, slow or unwilling changes nothing but the text.
    """
    if not (REPOSITORY / ".git").exists():
        return __version__
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(REPOSITORY)]
    command += ["describe", "--tags", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return __version__
    described = done.stdout.strip()
    if done.returncode != 0 or not _DESCRIBED.fullmatch(described):
        return __version__
    if re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", described):
        return f"{__version__}+g{described.replace('-', '.')}"
    return described.removeprefix("v")
