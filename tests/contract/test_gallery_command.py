"""The house command says every failure in one German and one English sentence."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.settings import REPOSITORY, Settings

BASE_TOOLS = ("basename", "bash", "cat", "cut", "df", "dirname", "env", "grep", "id", "mkdir")
MORE_TOOLS = ("readlink", "rm", "sha256sum", "tail", "tr")
COMMANDS = ("start", "test", "check", "bench", "train")


class Machine:
    """A copy of the command on a machine that has just what a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.programs = folder / "bin"
        self.checkout.mkdir()
        self.programs.mkdir()
        for name in ("gallery", "Procfile", "constraints.txt", *REPOSITORY.glob("requirements*")):
            shutil.copy(REPOSITORY / name, self.checkout)
        for name in (*BASE_TOOLS, *MORE_TOOLS):
            (self.programs / name).symlink_to(str(shutil.which(name)))

    def program(self, name: str, body: str) -> None:
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def in_environment(self, name: str, body: str) -> None:
        """A program that a package has brought."""
        path = self.checkout / ".venv" / "bin" / name
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def python(self, *, makes_venv: bool = True) -> None:
        """Python 3.11 whose packages cannot be installed."""
        pip = '#!/bin/sh\\ncase \\"\\$2\\" in pip) echo no network; exit 1;; esac\\n'
        venv = f'mkdir -p .venv/bin; printf "{pip}" >.venv/bin/python; chmod 755 .venv/bin/python'
        self.program("chmod", f'exec {shutil.which("chmod")} "$@"')
        self.program(
            "python3.11",
            f'if [ "$1 $2" = "-m venv" ]; then {venv if makes_venv else "exit 1"}; fi',
        )

    def tesseract(self) -> None:
        self.program("tesseract", "printf '%s\\n' deu osd frk Fraktur")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "gallery", *arguments],
            env={"PATH": str(self.programs), "HOME": str(self.checkout)},
            capture_output=True,
            text=True,
            timeout=30,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def last_sentences(result: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    german, english = result.stderr.strip().splitlines()[-2:]
    assert "line " not in result.stderr, "no message of bash itself"
    return german, english


def test_help_names_every_command() -> None:
    result = subprocess.run([REPOSITORY / "gallery"], capture_output=True, text=True, timeout=10)
    assert result.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", result.stdout, re.MULTILINE)


def test_unknown_command_is_bad_input(machine: Machine) -> None:
    assert machine.run("strat").returncode == 2


def test_python_is_missing(machine: Machine) -> None:
    machine.program("python3", "exit 1")
    result = machine.run("start")
    german, english = last_sentences(result)
    assert result.returncode == 1
    assert german.startswith("Es fehlt Python 3.11.")
    assert english.startswith("Python 3.11 is missing.")


def test_packages_are_missing_and_nobody_may_install_them(machine: Machine) -> None:
    machine.python()
    machine.program("id", "echo 1000")
    result = machine.run("start")
    german, english = last_sentences(result)
    assert result.returncode == 1
    assert german.startswith("Bitte führen Sie einmal als Administrator aus: apt-get update && ")
    assert german.endswith("tesseract-ocr-osd tesseract-ocr-frk tesseract-ocr-script-frak")
    assert english.startswith("Please run once as administrator: apt-get update && ")


def test_packages_are_installed_after_an_update(machine: Machine) -> None:
    machine.python()
    machine.program("id", "echo 0")
    updated = machine.checkout / "updated"
    machine.program(
        "apt-get",
        f'case "$1" in update) mkdir {updated};; *) [ -d {updated} ] && '
        f'printf "#!/bin/sh\\necho deu; echo osd\\n" >{machine.programs}/tesseract && '
        f"chmod 755 {machine.programs}/tesseract;; esac",
    )
    result = machine.run("start")
    assert updated.is_dir()
    assert "Python-Pakete" in last_sentences(result)[0], "set-up went on after the packages"


def test_packages_cannot_be_fetched(machine: Machine) -> None:
    machine.python()
    machine.program("id", "echo 0")
    machine.program("apt-get", "exit 100")
    result = machine.run("start")
    assert result.returncode == 1
    assert "ließen sich nicht installieren (kein Netz?)" in last_sentences(result)[0]


def test_no_network_at_the_first_start(machine: Machine) -> None:
    machine.python()
    machine.tesseract()
    result = machine.run("start", "--torch-index", "https://torch.example/cpu")
    german, english = last_sentences(result)
    assert result.returncode == 1
    assert "einmalig eine Netzverbindung" in german
    assert "network connection once" in english
    stored = machine.checkout / ".venv" / "torch-index"
    assert stored.read_text(encoding="utf-8") == "https://torch.example/cpu"


def test_disk_is_full(machine: Machine) -> None:
    machine.python()
    machine.tesseract()
    machine.program("df", "echo head; echo '/dev/sda 1000 900 100 90% /'")
    german, english = last_sentences(machine.run("start"))
    assert german.startswith("Auf der Festplatte fehlt Platz: frei sind 100 MB")
    assert english.startswith("The disk is too full: 100 MB are free")


def test_folder_is_not_writable(machine: Machine) -> None:
    machine.python(makes_venv=False)
    machine.tesseract()
    german, english = last_sentences(machine.run("start"))
    assert german.startswith("Der Ordner .venv lässt sich nicht anlegen.")
    assert english.startswith("The folder .venv cannot be created.")


def test_train_needs_a_known_model(machine: Machine) -> None:
    result = machine.run("train", "../../etc/passwd")
    assert result.returncode == 2
    assert last_sentences(result)[0].startswith("Bitte nennen Sie ein Modell")


def test_train_names_the_models() -> None:
    result = subprocess.run(
        [REPOSITORY / "gallery", "train"], capture_output=True, text=True, timeout=30
    )
    assert result.returncode == 2
    named = result.stderr.splitlines()[0]
    assert named == "Bitte nennen Sie ein Modell: fraktur_line landcover solar tile_features"


def test_second_start_installs_nothing(machine: Machine) -> None:
    """An environment whose stamp fits the requirements starts without network."""
    machine.tesseract()
    machine.python()
    environment = machine.checkout / ".venv" / "bin"
    environment.mkdir(parents=True)
    python = environment / "python"
    python.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    for name, files in STAMPS.items():
        stamp = environment.parent / f"installed-{name}"
        stamp.write_text(stamp_of(machine, files), encoding="utf-8")
    result = machine.run("start")
    assert (result.returncode, result.stdout) == (0, "-m shared.startup\n")
    assert _log(machine) == ""
    (machine.checkout / "requirements.txt").write_text("torch==2.14.1\n", encoding="utf-8")
    assert "pip install" in machine.run("start").stdout + _log(machine), "a change installs again"


STAMPS = {
    "start": ("requirements.txt", "requirements-serve.txt", "constraints.txt"),
    "models": ("requirements-models.txt", "constraints.txt"),
}


def stamp_of(machine: Machine, files: Sequence[str]) -> str:
    """What `sha256sum FILES | sha256sum` prints for the requirements of a stamp."""
    listing = ""
    for name in files:
        digest = hashlib.sha256((machine.checkout / name).read_bytes()).hexdigest()
        listing += f"{digest}  {name}\n"
    return hashlib.sha256(listing.encode()).hexdigest()


TEST_PROGRAMS = ("chromium", "git")
REFEREE = "tests/oidc_referee"


def prepare_tests(machine: Machine) -> None:
    """Everything for the tests is installed, only the packages of Node.js are not."""
    machine.tesseract()
    machine.python()
    for name in TEST_PROGRAMS:
        machine.program(name, "exit 0")
    shutil.copytree(
        REPOSITORY / REFEREE, machine.checkout / REFEREE, ignore=lambda *_: ["node_modules"]
    )
    environment = machine.checkout / ".venv" / "bin"
    environment.mkdir(parents=True)
    for name in ("python", "ruff", "mypy", "lint-imports"):
        machine.in_environment(name, "exit 0")
    files = {"train": "requirements-train.txt", "test": "requirements-test.txt"}
    for name, given in {**STAMPS, **{n: (f, "constraints.txt") for n, f in files.items()}}.items():
        stamp = environment.parent / f"installed-{name}"
        stamp.write_text(stamp_of(machine, given), encoding="utf-8")


def test_packages_of_node_cannot_be_fetched(machine: Machine) -> None:
    prepare_tests(machine)
    machine.in_environment("npm", "echo no network; exit 1")
    result = machine.run("check")
    assert result.returncode == 1
    assert "ließen sich nicht installieren" in last_sentences(result)[0]
    assert "no network" in _log(machine)


def test_packages_of_node_are_installed_once_for_each_lock_file(machine: Machine) -> None:
    prepare_tests(machine)
    machine.in_environment("npm", f'echo "npm $*"; mkdir -p {REFEREE}/node_modules')
    for _ in range(2):
        assert machine.run("check").returncode == 0
    assert _log(machine) == f"npm ci --ignore-scripts --prefix {REFEREE}\n"
    (machine.checkout / REFEREE / "package-lock.json").write_text("{}", encoding="utf-8")
    machine.run("check")
    assert _log(machine).count("npm ci") == 2


def _log(machine: Machine) -> str:
    log = machine.checkout / ".venv" / "setup.log"
    return log.read_text(encoding="utf-8") if log.is_file() else ""


def test_procfile_uses_the_defaults_of_the_settings() -> None:
    lines = (REPOSITORY / "Procfile").read_text(encoding="utf-8")
    given = dict(re.findall(r"\$\{URBANKI_(\w+):-([^}]*)\}", lines))
    defaults = {name: str(field.default) for name, field in Settings.model_fields.items()}
    assert given
    assert {name.lower(): value for name, value in given.items()}.items() <= defaults.items()


def test_continuous_integration_calls_the_house_command() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec ./gallery test"
