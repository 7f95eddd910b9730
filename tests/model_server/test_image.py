"""What the image holds is enough to run, as another user and without a writable file system.

The container itself is a manual step (docs/betrieb.md); here the same files run with the same
environment in a mount namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from shared.contracts.identity.installation import InstallationToken, load_installation_key
from shared.contracts.model_server import TaskResponse
from shared.settings import REPOSITORY, Settings
from tests.model_server.pictures import encode, noise
from tests.model_server.test_deploy import (
    container,
    dockerfile,
    ignored,
    image_environment,
    manifest,
)
from tests.ports import free_port

pytestmark = pytest.mark.server
READY_WITHIN_S = 120
STOP_WITHIN_S = 45
SHUT_IN = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=1777,size=256m tmpfs "$1"
mount -o remount,ro,bind /
shift
exec setpriv --no-new-privs "$@"
"""
NOBODY = ["--reuid=10001", "--regid=10001", "--clear-groups"]
# The interpreter of the tests may lie in a closed folder; this capability opens it for reading.
READ_ONLY = ["--bounding-set=-all,+dac_read_search", "--inh-caps=-all,+dac_read_search"]
AMBIENT = ["--ambient-caps=+dac_read_search"]
IS_ROOT = os.geteuid() == 0
NAMESPACE = ["unshare", "--mount"] if IS_ROOT else ["unshare", "--map-root-user", "--mount"]


USER = [*NOBODY, *READ_ONLY, *AMBIENT] if IS_ROOT else ["--bounding-set=-all"]


def can_box() -> bool:
    """Say whether the namespace is allowed and the other user can start the interpreter."""
    if not all(map(shutil.which, ("unshare", "setpriv", "mount", "bash", "nsenter"))):
        return False
    script = 'mount -o remount,ro,bind / && exec setpriv "$@"'
    program = [sys.executable, "-c", "import httpx"]
    command = [*NAMESPACE, "bash", "-c", script, "bash", *USER, *program]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


@dataclass(frozen=True)
class Boxed:
    """The running server.

    Args:
        process: Its supervisor.
        url: Its address.
        token: A bearer token.
        work: The only folder in which it may write.
    """

    process: subprocess.Popen[bytes]
    url: str
    token: str
    work: Path

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that sees the files as the server does."""
        enter = ["nsenter", f"--target={self.process.pid}", "--mount"]
        enter += [] if IS_ROOT else ["--user", "--preserve-credentials"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=60)


def copy_image(app: Path) -> None:
    """Copy what the Dockerfile copies, without what `.dockerignore` keeps out."""
    for line in dockerfile("COPY"):
        *sources, target = line.split()
        if line.startswith("--from") or target == "/build/":
            continue
        for source in sources:
            for file in (REPOSITORY / source).rglob("*") if "." not in source else []:
                name = file.relative_to(REPOSITORY)
                if file.is_file() and not ignored(name.as_posix()):
                    (app / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, app / name)


@pytest.fixture(scope="module")
def boxed() -> Iterator[Boxed]:
    if not can_box():
        pytest.skip("mount namespaces are not allowed here, or the interpreter is closed to others")
    with tempfile.TemporaryDirectory(prefix="urbanki-image-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # another user reads it
        app, keys, work = home / "app", home / "keys", home / "work"
        for made in (app, keys, work):
            made.mkdir()
        copy_image(app)
        gallery = Settings(_env_file=None, data_dir=home / "gallery")
        load_installation_key(gallery)
        shutil.copyfile(gallery.key_set_file, keys / gallery.key_set_file.name)
        port = free_port()
        environment = {
            name: value.replace("/tmp", str(work)).replace("/etc/urbanki/keys", str(keys))  # noqa: S108
            for name, value in image_environment().items()
        }
        environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        words = yaml_command(port)
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [*NAMESPACE, "bash", "-c", SHUT_IN, "bash", str(work), *USER, *words],
                cwd=app,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(process, url, home / "log")
            yield Boxed(process, url, InstallationToken(gallery).token(), work)
        finally:
            end(process)


def yaml_command(port: int) -> list[str]:
    (text,) = dockerfile("CMD")
    words = [word.strip('" ') for word in text.strip("[]").split(",")]
    words[words.index("--port") + 1] = str(port)
    return words


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=10, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])


def end(process: subprocess.Popen[bytes]) -> None:
    family: list[psutil.Process] = []
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    process.wait()
    for member in family:
        if member.is_running():
            member.kill()


def test_it_answers_and_asks_for_a_token(boxed: Boxed) -> None:
    with httpx.Client(base_url=boxed.url, timeout=60, trust_env=False) as client:
        assert client.get("/models").status_code == 401
        client.headers["Authorization"] = f"Bearer {boxed.token}"
        answer = client.post(
            "/segment",
            files=[("images", ("image", encode(noise())))],
            data={"options": '{"model": "solar", "gsd_m": 0.1}'},
        )
    assert answer.status_code == 200
    assert [one.status for one in TaskResponse.model_validate_json(answer.content).results] == [
        "ok"
    ]


def test_it_is_nobody_and_holds_no_torch(boxed: Boxed) -> None:
    supervisor = psutil.Process(boxed.process.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    assert len(family) >= 2
    for process in family:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        assert "NoNewPrivs:\t1" in status
        if IS_ROOT:
            user = manifest("deployment.yaml")["spec"]["template"]["spec"]["securityContext"]
            assert set(process.uids()) == {user["runAsUser"]}
        maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
        assert "libtorch" not in maps


def test_it_writes_only_where_it_may_and_reports_to_nobody(boxed: Boxed) -> None:
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    refused = boxed.inside("touch", str(REPOSITORY / "written"))
    assert refused.returncode != 0
    assert "Read-only" in refused.stderr
    assert not (REPOSITORY / "written").exists()
    written = boxed.inside("find", str(boxed.work), "-type", "f").stdout.splitlines()
    assert written
    # Figures of the workers, nothing of ONNX Runtime's reports to its maker, no image.
    names = {Path(name).relative_to(boxed.work).parts[0] for name in written}
    assert names == {"bentoml"}
    assert {Path(name).suffix for name in written} == {".db"}


def test_it_ends_in_time_when_it_is_asked(boxed: Boxed) -> None:
    boxed.process.send_signal(signal.SIGTERM)
    assert boxed.process.wait(STOP_WITHIN_S) == 0
