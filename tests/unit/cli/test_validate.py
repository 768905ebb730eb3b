from __future__ import annotations

import json
import os
import subprocess
import sys
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


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """A settings file that lets at most 2048 bytes be read."""
    file = tmp_path / "settings"
    file.write_text("manifests: {maxBytes: 2048}")
    return str(file)


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


CONFIG = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: hunter2}\n"


def test_of_two_directories_the_first_counts(hostpod: Hostpod, tmp_path: Path) -> None:
    for name in ("z", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(GOOD + CONFIG)
    result = hostpod("validate", f"{tmp_path}/z", f"{tmp_path}/a", f"{tmp_path}/z")
    assert result.exit_code == 1
    second, first = f"{tmp_path}/a/web.yaml", f"{tmp_path}/z/web.yaml"
    assert [line.partition(" already, ")[0] for line in result.stderr.splitlines()] == [
        f'{second}:1: metadata.name: the pod "default/web" is in {first}',
        f'{second}:7: metadata.name: the ConfigMap "default/settings" is in {first}',
    ]


def test_pods_that_wait_for_one_another_are_found_over_all_files(hostpod: Hostpod, tmp_path: Path) -> None:
    for name, first in (("a", "b"), ("b", "a")):
        text = GOOD.replace("name: web}", f"name: {name}, annotations: {{hostpod.io/after: {first}}}}}", 1)
        assert text != GOOD
        (tmp_path / f"{name}.yaml").write_text(text)
    result = hostpod("validate", str(tmp_path))
    assert result.exit_code == 1
    assert [line.partition(", default")[0] for line in result.stderr.splitlines()] == [
        f"{tmp_path}/{name}.yaml:1: metadata.annotations[hostpod.io/after]: pods start after one another in a circle"
        for name in ("a", "b")
    ]


def test_config_maps_and_secrets_are_named_and_what_they_hold_is_not(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(CONFIG + SECRET)
    result = hostpod("validate", "-v", str(file))
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [f"{file}: ConfigMaps without problems: settings", f"{file}: Secrets without problems: keys"],
    )
    told = hostpod("validate", "-o", "json", str(file)).stdout
    (report,) = json.loads(told)
    assert (report["pods"], report["configMaps"], report["secrets"]) == ([], ["settings"], ["keys"])
    file.write_text(SECRET.replace("a:", "a/b:") + SECRET.replace("hunter2", "421337"))
    broken = hostpod("validate", "-v", str(file))
    assert broken.exit_code == 1
    for text in (told, broken.output):
        assert "hunter2" not in text
        assert "421337" not in text


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


def test_a_file_that_is_not_there_hides_no_other(hostpod: Hostpod, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(GOOD.replace("image: nginx", "image: 5"))
    result = hostpod("validate", str(tmp_path / "x.yaml"), str(tmp_path / "web.yaml"))
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first == f"{tmp_path}/x.yaml: cannot be read: no such file or directory"
    assert second.startswith(f"{tmp_path}/web.yaml:5: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD, ""),
        (GOOD.replace("image: nginx", "image: 5"), "<stdin>:5: spec.containers[0].image: "),
        ("", "<stdin>: is empty: write a pod\n"),
        ("#" * 3000, "<stdin>: is more than 2048 bytes (setting manifests.maxBytes)\n"),
    ],
)
def test_standard_input(hostpod: Hostpod, settings: str, text: str, words: str) -> None:
    result = hostpod("validate", "--config", settings, "-", stdin=text.encode())
    assert (result.exit_code, result.stdout) == (1 if words else 0, "")
    assert result.stderr.startswith(words)
    assert result.stderr.count("\n") == bool(words)


def test_what_another_command_writes_by_a_fifo(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(GOOD.replace("image: nginx", "image: 5"))
    script = f"{sys.executable} -m hostpod validate <(cat {tmp_path}/broken.yaml)"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert ":5: spec.containers[0].image: " in done.stderr


def test_the_daemon_would_not_read_it(hostpod: Hostpod, settings: str, tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "large.yaml").write_text("#" * 3000)
    (tmp_path / "manifests" / "empty.yaml").touch()
    os.mkfifo(tmp_path / "manifests" / "fifo.yaml")
    result = hostpod("validate", "--config", settings, str(tmp_path / "manifests"))
    assert result.exit_code == 1
    assert result.stderr.replace(f"{tmp_path}/manifests/", "").splitlines() == [
        "empty.yaml: is empty: write a pod, or delete the file to remove its pods",
        "fifo.yaml: is a FIFO, which is not read: put a file in its place, or remove it",
        "large.yaml: is 3000 bytes, at most 2048 are read (setting manifests.maxBytes)",
    ]


def test_settings_that_cannot_be_used(hostpod: Hostpod, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(GOOD)
    result = hostpod("validate", "--config", str(tmp_path / "none"), str(tmp_path / "web.yaml"))
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "error: the settings cannot be used")


HOSTILE = "{apiVersion: v1, kind: Pod, metadata: {name: w}, spec: {hostPID: true, containers: [{name: a, image: b}]}}"
BROKEN = 'spec.hostPID: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)'


def test_pods_are_held_to_a_standard_that_is_named(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(HOSTILE)
    assert hostpod("validate", str(file)).exit_code == 0
    result = hostpod("validate", "--pod-security", "baseline", str(file))
    assert result.exit_code == 1
    assert result.stderr == f"{file}:1: {BROKEN}\n"


def test_pods_are_held_to_the_standard_of_where_they_are(hostpod: Hostpod, tmp_path: Path) -> None:
    config, strict, lax = tmp_path / "hostpod.yaml", tmp_path / "strict", tmp_path / "lax"
    config.write_text(
        f"manifests: {{directory: {strict}, directories: [{lax}]}}\n"
        f"podSecurity: {{enforce: baseline, sources: {{{lax}: {{enforce: privileged, warn: baseline}}}}}}\n"
    )
    (tmp_path / "behind a link").mkdir()
    lax.symlink_to(tmp_path / "behind a link")
    strict.mkdir()
    for directory in (strict, lax):
        (directory / "web.yaml").write_text(HOSTILE)
    result = hostpod("validate", "--config", str(config), str(strict / "web.yaml"), str(lax / "web.yaml"))
    assert result.exit_code == 1
    warning = BROKEN.replace("violates", "would violate")
    assert result.stderr == f"{strict}/web.yaml:1: {BROKEN}\n{lax}/web.yaml:1: warning: {warning}\n"
    alone = hostpod("validate", "--config", str(config), "-o", "json", str(lax))
    assert alone.exit_code == 0
    (shown,) = json.loads(alone.stdout)
    assert (shown["pods"], shown["problems"]) == (["w"], [])
    assert [each["message"] for each in shown["warnings"]] == [warning.partition(": ")[2]]
    assert hostpod("validate", "--config", str(config), "-", stdin=HOSTILE.encode()).exit_code == 1
