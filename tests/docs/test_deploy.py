"""The files of deploy/: they parse, and name what this release has."""

import json
import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
NODE_IMAGE = "REGISTRY/mentor3ad"


def documents(name: str) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all((DEPLOY / name).read_text()))


def extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return set(project["optional-dependencies"])


def test_every_extra_that_they_install_exists() -> None:
    texts = [path.read_text() for path in DEPLOY.iterdir()]
    named = [
        words for text in texts for words in re.findall(r"(?:mentor3ad|\.)\[([\w,-]+)\]", text)
    ]
    assert len(named) >= 4
    assert {word for words in named for word in words.split(",")} <= extras()


def test_the_container_installs_with_our_constraints_and_runs_as_a_user() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    commands = [line.split()[0] for line in lines if line and line[0].isupper()]
    assert commands[0] == "FROM"
    assert "--constraint /opt/mentor3ad/constraints.txt" in "\n".join(lines)
    assert "USER ray" in lines


def test_kuberay() -> None:
    volume, cluster = documents("kuberay.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert f"ray=={spec['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (workers,) = spec["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (spec["headGroupSpec"], workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == NODE_IMAGE
        assert container["resources"]["requests"] == container["resources"]["limits"]
        (mount,), (place,) = container["volumeMounts"], pod["volumes"]
        assert mount["name"] == place["name"]
        assert place["persistentVolumeClaim"]["claimName"] == volume["metadata"]["name"]


@pytest.mark.parametrize("script", ["slurm.sh", "sky.yaml"])
def test_scripts_are_bash(script: str, tmp_path: Path) -> None:
    text = (DEPLOY / script).read_text()
    if script.endswith(".yaml"):
        text = documents(script)[0]["run"]
    file = tmp_path / "script.sh"
    file.write_text(text)
    done = subprocess.run(["bash", "-n", str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_sky() -> None:
    (task,) = documents("sky.yaml")
    assert set(task) == {
        *("name", "num_nodes", "resources", "workdir", "file_mounts", "setup", "run")
    }
    assert f"runtime.cluster_workers {task['num_nodes']} " in (DEPLOY / "sky.yaml").read_text()


def test_ray_up_fits_rays_own_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the extra cluster is not installed")
    ray = find_spec("ray")
    assert ray
    assert ray.origin
    schema = json.loads((Path(ray.origin).parent / "autoscaler/ray-schema.json").read_text())
    (config,) = documents("ray-up.yaml")
    jsonschema.validate(config, schema)
    kinds = config["available_node_types"]
    assert config["head_node_type"] in kinds
    assert kinds["gpu"]["max_workers"] <= config["max_workers"]
