from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Hostpod

GOOD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: nginx, image: nginx}]\n"
FIVE = """\
apiVersion: v1
kind: Pod
metadata:
  name: Web
spec:
  containers:
  - name: nginx
    imagee: nginx
    image: nginx
    ports:
    - containerPort: "80"
  - name: nginx
    image: busybox
    volumeMounts:
    - {name: logs, mountPath: /logs}
"""


@pytest.fixture
def hostpod(tmp_path: Path) -> Hostpod:
    return Hostpod(tmp_path / "no.sock")


def test_a_good_file_says_nothing(hostpod: Hostpod, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(GOOD)
    result = hostpod("validate", str(tmp_path / "web.yaml"))
    assert (result.exit_code, result.output) == (0, "")


def test_five_mistakes_are_five_lines(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(FIVE)
    result = hostpod("validate", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    places = [line.removeprefix(f"{file}:").split(": ")[:2] for line in result.stderr.splitlines()]
    assert places == [
        ["4", "metadata.name"],
        ["8", "spec.containers[0].imagee"],
        ["11", "spec.containers[0].ports[0].containerPort"],
        ["12", "spec.containers[1].name"],
        ["15", "spec.containers[1].volumeMounts[0].name"],
    ]


def test_a_directory_is_read_as_the_daemon_reads_it(hostpod: Hostpod, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD)
    (tmp_path / ".hidden.yaml").write_text("junk")
    (tmp_path / "c.yaml~").write_text("junk")
    (tmp_path / "sub").mkdir()
    result = hostpod("validate", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == (
        f'{tmp_path}/b.yml:1: metadata.name: the pod "default/web" is in {tmp_path}/a.yaml already, '
        "which comes first and runs: rename or remove one\n"
    )
    assert hostpod("validate", str(tmp_path / "a.yaml"), str(tmp_path / "b.yml")).exit_code == 0


def test_verbose_tells_what_has_no_effect(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(GOOD + "  nodeSelector: {disk: ssd}\n")
    lines = hostpod("validate", "-v", str(file)).stdout.splitlines()
    assert lines[0].startswith(f"{file}:6: spec.nodeSelector: ")
    assert lines[1] == f"{file}: pods without problems: web"


def test_json(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(FIVE)
    result = hostpod("validate", "-o", "json", str(file))
    (report,) = json.loads(result.stdout)
    assert (result.exit_code, report["file"], report["pods"]) == (1, str(file), [])
    assert report["problems"][1]["path"] == "spec.containers[0].imagee"
    assert set(report["problems"][1]) == {"file", "line", "column", "path", "message"}


def test_a_file_that_is_not_there(hostpod: Hostpod, tmp_path: Path) -> None:
    result = hostpod("validate", str(tmp_path / "x.yaml"))
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: cannot read {tmp_path}/x.yaml: No such file or directory\n",
    )
