"""Container, Kubernetes and systemd files say the same as the code and refuse a placeholder."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_server.lifecycle import DRAIN_S
from model_server.security import OPEN_PATHS
from model_server.start import check_start
from shared.errors import KeySetMissing, KeySetPlaceholder
from shared.settings import REPOSITORY, Settings

DEPLOY = REPOSITORY / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
GPU = DEPLOY / "kubernetes" / "overlays" / "gpu"
DOCKERFILE = DEPLOY / "model_server.Dockerfile"
UNIT = DEPLOY / "systemd" / "urbanki-model-server.service"
TEMPLATE = BASE / "secret.template.yaml"
PORT = Settings.model_fields["model_server_port"].default
SERVE = ["bentoml", "serve", "model_server.service:ModelServer"]
TMP = "/tmp"  # noqa: S108  # the one writable folder of image and unit
EVERYWHERE = "0.0.0.0"  # noqa: S104
UNITS = {"Mi": 2**20, "Gi": 2**30}


def manifest(name: str, folder: Path = BASE) -> dict[str, Any]:
    content = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def pairs(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines)


def procfile() -> tuple[dict[str, str], list[str]]:
    """Environment and command of the Procfile's line."""
    for line in (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("model_server:"):
            words = shlex.split(line.partition(":")[2])
            start = words.index("bentoml")
            assert words[0] == "env"
            return pairs(words[1:start]), words[start:]
    raise AssertionError("the Procfile has no model server")


def env_file(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return pairs([line for line in lines if line and not line.startswith("#")])


def dockerfile(keyword: str) -> list[str]:
    """Return what follows a keyword, one entry per instruction, comments left out."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return re.findall(rf"^{keyword}\s+(.*)$", text, re.MULTILINE)


def image_environment() -> dict[str, str]:
    return pairs([word for entry in dockerfile("ENV") for word in shlex.split(entry)])


def unit(key: str) -> list[str]:
    text = UNIT.read_text(encoding="utf-8")
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def container(folder: Path = BASE) -> dict[str, Any]:
    (found,) = manifest("deployment.yaml", folder)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def ignored(name: str) -> bool:
    """Say whether `.dockerignore` keeps a file out of the image; the last line that fits wins."""
    out = False
    for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        parts = Path(name).parts
        starts = ["/".join(parts[: place + 1]) for place in range(len(parts))]
        if pattern.startswith("**/"):
            starts, pattern = list(parts), pattern.removeprefix("**/")
        if any(fnmatch.fnmatchcase(start, pattern) for start in starts):
            out = not line.startswith("!")
    return out


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_manifest_is_one_yaml_document(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["apiVersion"]
    assert content["kind"]


def test_all_ways_of_running_set_the_environment_of_the_procfile() -> None:
    wanted, _ = procfile()
    assert wanted["BENTOML_DO_NOT_TRACK"] == "True"
    found = {
        "image": image_environment(),
        "cluster": env_file(BASE / "model_server.env"),
        "unit": pairs(unit("Environment")),
    }
    for name, environment in found.items():
        assert {key: environment.get(key) for key in wanted} == wanted, name
        assert environment["ORT_DISABLE_TELEMETRY"] == "1", name


def test_all_ways_of_running_start_the_same_service_on_the_same_port() -> None:
    _, local = procfile()
    (command,) = dockerfile("CMD")
    assert local[:3] == SERVE
    assert yaml.safe_load(command) == [*SERVE, "--host", EVERYWHERE, "--port", str(PORT)]
    (start,) = unit("ExecStart")
    program, *rest = shlex.split(start)
    assert Path(program).name == SERVE[0]
    assert rest == [*SERVE[1:], "--host", "127.0.0.1", "--port", str(PORT)]


def test_only_the_container_is_open_to_other_machines() -> None:
    assert image_environment()["URBANKI_PUBLIC"] == "1"
    assert env_file(BASE / "model_server.env")["URBANKI_PUBLIC"] == "1"
    for path in (REPOSITORY / "Procfile", REPOSITORY / ".env.example", UNIT):
        text = path.read_text(encoding="utf-8")
        assert re.search(r"\bURBANKI_PUBLIC\b", text) is None, path.name


@pytest.mark.parametrize("path", [BASE / "model_server.env", GPU / "gpu.env"], ids=lambda p: p.name)
def test_settings_of_the_cluster_are_settings_of_the_code(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: value for name, value in env_file(path).items() if name.startswith("URBANKI_")}
    for name, value in given.items():
        assert name.removeprefix("URBANKI_").lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert settings.model_server_port == PORT
    assert settings.device == given["URBANKI_DEVICE"]


def test_probes_ask_open_paths_on_the_port_of_the_server() -> None:
    found = container()
    (port,) = found["ports"]
    assert port == {"name": "http", "containerPort": PORT}
    asked = {
        name: found[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert {one["path"] for one in asked.values()} == OPEN_PATHS
    assert asked["readinessProbe"]["path"] == "/readyz"
    assert asked["livenessProbe"]["path"] == "/livez"
    assert {one["port"] for one in asked.values()} == {"http"}
    assert found["readinessProbe"]["timeoutSeconds"] == 10
    assert f"127.0.0.1:{PORT}/readyz" in dockerfile("HEALTHCHECK")[0]
    (expose,) = dockerfile("EXPOSE")
    assert expose == str(PORT)


def test_whoever_ends_the_server_waits_until_it_has_answered() -> None:
    spec = manifest("deployment.yaml")["spec"]["template"]["spec"]
    pause = float(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] == 45
    assert pause + DRAIN_S < spec["terminationGracePeriodSeconds"]
    assert float(unit("TimeoutStopSec")[0]) > DRAIN_S
    assert unit("KillMode") == ["mixed"]


def test_the_pod_may_do_nothing_but_serve() -> None:
    spec = manifest("deployment.yaml")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    limits = container()["securityContext"]
    assert limits["readOnlyRootFilesystem"] is True
    assert limits["allowPrivilegeEscalation"] is False
    assert limits["privileged"] is False
    assert limits["capabilities"] == {"drop": ["ALL"]}
    user = spec["securityContext"]["runAsUser"]
    assert user > 0
    assert dockerfile("USER") == [f"{user}:{spec['securityContext']['runAsGroup']}"]


@pytest.mark.parametrize("name", ["HOME", "TMPDIR", "BENTOML_HOME", "URBANKI_DATA_DIR"])
def test_everything_that_is_written_goes_to_the_one_writable_folder(name: str) -> None:
    spec = manifest("deployment.yaml")["spec"]["template"]["spec"]
    writable = [
        mount["mountPath"] for mount in container()["volumeMounts"] if not mount.get("readOnly")
    ]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert writable == [TMP]
    assert "emptyDir" in volumes["tmp"]
    for environment in (image_environment(), env_file(BASE / "model_server.env")):
        assert Path(TMP) in (Path(environment[name]), *Path(environment[name]).parents)


def test_the_pod_has_more_memory_than_its_workers_may_take() -> None:
    for folder, environment in (
        (BASE, env_file(BASE / "model_server.env")),
        (GPU, env_file(BASE / "model_server.env") | env_file(GPU / "gpu.env")),
    ):
        text = container(folder)["resources"]["limits"]["memory"]
        limit = int(text[:-2]) * UNITS[text[-2:]]
        workers = int(environment["URBANKI_MODEL_SERVER_WORKERS"])
        assert limit > workers * int(environment["URBANKI_WORKER_MAX_RSS_MB"]) * 2**20


def test_only_gallery_and_jobs_come_in_and_nothing_but_names_and_keys_goes_out() -> None:
    spec = manifest("network_policy.yaml")["spec"]
    labels = manifest("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"] == labels
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    (rule,) = spec["ingress"]
    assert [peer["podSelector"]["matchLabels"] for peer in rule["from"]] == [
        {"app.kubernetes.io/name": "gallery"},
        {"app.kubernetes.io/name": "jobs"},
    ]
    assert rule["ports"] == [{"protocol": "TCP", "port": PORT}]
    names, keys = spec["egress"]
    assert {entry["port"] for entry in names["ports"]} == {53}
    assert keys["to"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "keycloak"}}}]
    assert len(keys["ports"]) == 1


def test_service_autoscaler_and_budget_mean_the_same_pods() -> None:
    deployment = manifest("deployment.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    service = manifest("service.yaml")["spec"]
    assert service["selector"] == labels
    assert service["ports"][0]["port"] == PORT
    assert service["ports"][0]["targetPort"] == "http"
    scaler = manifest("autoscaler.yaml")["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["metrics"][0]["resource"]["name"] == "cpu"
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert "urbanki_queue_depth" in (BASE / "autoscaler.yaml").read_text(encoding="utf-8")
    assert "replicas" not in deployment["spec"]
    budget = manifest("disruption_budget.yaml")["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["minAvailable"] < scaler["minReplicas"]


@pytest.mark.parametrize("folder", [BASE, GPU], ids=lambda folder: folder.name)
def test_everything_that_kustomize_reads_is_there(folder: Path) -> None:
    content = manifest("kustomization.yaml", folder)
    named = [*content["resources"], *(patch["path"] for patch in content.get("patches", []))]
    named += [name for maker in content["configMapGenerator"] for name in maker["envs"]]
    assert [name for name in named if not (folder / name).exists()] == []
    used = {*named, "kustomization.yaml", TEMPLATE.name}
    assert {path.name for path in folder.iterdir()} <= used
    (settings,) = content["configMapGenerator"]
    assert container()["envFrom"] == [{"configMapRef": {"name": settings["name"]}}]


def test_a_second_apply_never_overwrites_the_real_key() -> None:
    assert TEMPLATE.name not in manifest("kustomization.yaml")["resources"]
    volumes = manifest("deployment.yaml")["spec"]["template"]["spec"]["volumes"]
    (keys,) = [volume for volume in volumes if volume["name"] == "keys"]
    assert keys["secret"]["secretName"] == manifest(TEMPLATE.name)["metadata"]["name"]
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert mounts["keys"]["readOnly"] is True
    assert mounts["keys"]["mountPath"] == env_file(BASE / "model_server.env")["URBANKI_KEYS_DIR"]


def test_the_server_refuses_the_placeholder(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, public=True, keys_dir=tmp_path, data_dir=tmp_path)
    (command,) = dockerfile("CMD")
    with pytest.raises(KeySetMissing):
        check_start(yaml.safe_load(command), {}, settings)
    for name, text in manifest(TEMPLATE.name)["stringData"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert settings.key_set_file.exists()
    with pytest.raises(KeySetPlaceholder):
        check_start(yaml.safe_load(command), {}, settings)


def test_the_gpu_variant_takes_one_card_and_says_that_it_is_unmeasured() -> None:
    environment = env_file(GPU / "gpu.env")
    assert environment["URBANKI_DEVICE"] == "cuda"
    assert environment["URBANKI_MODEL_SERVER_WORKERS"] == "1"
    assert environment["URBANKI_MODEL_SERVER_MAX_BATCH"] == "32"
    assert container(GPU)["resources"]["limits"]["nvidia.com/gpu"] == 1
    for name in ("kustomization.yaml", "gpu.env"):
        assert "ungemessen" in (GPU / name).read_text(encoding="utf-8").lower()
    names = {manifest(path.name)["metadata"]["name"] for path in BASE.glob("[das]*.yaml")}
    for patch in manifest("kustomization.yaml", GPU)["patches"]:
        assert manifest(patch["path"], GPU)["metadata"]["name"] in names


def test_the_image_has_no_torch_no_data_and_names_no_registry() -> None:
    for base in dockerfile("FROM"):
        assert re.fullmatch(r"python:3\.11-slim-\w+( AS \w+)?", base)
    hosts = re.findall(r"https?://([^/:'\"]+)", DOCKERFILE.read_text(encoding="utf-8"))
    assert set(hosts) == {"127.0.0.1"}
    (sources,) = [line.split()[:-1] for line in dockerfile("COPY") if line.endswith("/build/")]
    assert "requirements.txt" not in sources
    for name in sources:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        if name != "constraints.txt":
            assert not re.search(r"^(torch|torchvision|ultralytics|onnx|-r)\b", text, re.MULTILINE)
    copied = [
        word for line in dockerfile("COPY") if "--from" not in line for word in line.split()[:-1]
    ]
    for name in copied:
        assert (REPOSITORY / name).exists(), name
        assert not ignored(name), name
    for name in ("data/keys/installation.pem", ".env", ".git/config", "tests/conftest.py", "apps"):
        assert ignored(name), name
    assert ignored("model_server/training/solar.py")
    assert ignored("model_server/__pycache__/service.cpython-311.pyc")
    weights = sorted((REPOSITORY / "model_server" / "models").glob("*/*/model.onnx"))
    assert weights
    for file in weights:
        assert not ignored(file.relative_to(REPOSITORY).as_posix()), file


def test_the_unit_shuts_the_service_in() -> None:
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "PrivateTmp": "yes",
        "ProtectHome": "yes",
        "CapabilityBoundingSet": "",
        "Restart": "on-failure",
        "RestartPreventExitStatus": "2",
        "IPAddressDeny": "any",
        "IPAddressAllow": "localhost",
    }.items():
        assert unit(key) == [value], key
    environment = pairs(unit("Environment"))
    assert unit("ReadWritePaths") == [environment["URBANKI_DATA_DIR"]]
    assert environment["TMPDIR"] == TMP  # a private one


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    (program,) = [line.split()[0] for line in unit("ExecStart")]
    # Account and program exist only after the installation.
    text = text.replace(program, "/bin/true").replace("=urbanki\n", "=root\n")
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize("folder", [BASE, GPU], ids=lambda folder: folder.name)
def test_kustomize_puts_everything_together(folder: Path) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert "Secret" not in made
    spec = made["Deployment"]["spec"]["template"]["spec"]
    name = spec["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert name == made["ConfigMap"]["metadata"]["name"]
    assert made["ConfigMap"]["data"]["URBANKI_DEVICE"] == ("cuda" if folder is GPU else "cpu")
    assert made["ConfigMap"]["data"]["MALLOC_ARENA_MAX"] == "1"
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert ("nvidia.com/gpu" in spec["containers"][0]["resources"]["limits"]) == (folder is GPU)


def test_the_guide_names_what_is_there() -> None:
    guide = REPOSITORY / "docs" / "betrieb.md"
    text = guide.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) >= 4
    assert [link for link in links if not (guide.parent / link).exists()] == []
    for path in re.findall(r"deploy/[\w./-]+", text):
        assert (REPOSITORY / path).exists(), path
    for module in re.findall(r"python -m (model_server[\w.]*)", text):
        path = REPOSITORY / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for name in re.findall(r"`(URBANKI_[A-Z_]*[A-Z])=", text):
        assert name.removeprefix("URBANKI_").lower() in Settings.model_fields, name
    for command in ("check", "card", "call", "publish"):
        assert f"`python -m model_server {command}" in text


@pytest.mark.parametrize("heading", ["Server mit systemd", "Container", "Kubernetes"])
def test_the_guide_says_how_the_gallery_finds_a_server_of_its_own(heading: str) -> None:
    text = (REPOSITORY / "docs" / "betrieb.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert re.search(r"URBANKI_MODEL_SERVER_URL=http://[\w.-]+:3000\b", section)
