"""Volumes as Kubernetes' suite of node conformance looks at them; tests/conformance.py has its lines."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.integration.harness import Daemon, container, pod

pytestmark = pytest.mark.integration

FORMS = ("configMap", "secret", "projected configMap", "projected secret")
KIND = {"configMap": "ConfigMap", "secret": "Secret"}
BINARY = bytes(range(256))
USER = 1000
GROUP = 1001


def document(form: str, name: str, data: Mapping[str, bytes], **metadata: Any) -> dict[str, Any]:
    """An object of the form's kind, all of it in base64."""
    kind = KIND[form.rsplit(maxsplit=1)[-1]]
    field = "data" if kind == "Secret" else "binaryData"
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}, field: encoded}


def source(form: str, name: str, *, default_mode: int | None = None, **fields: Any) -> dict[str, Any]:
    """The source of a volume, of the object itself or of a projection of it."""
    mode = {} if default_mode is None else {"defaultMode": default_mode}
    kind = form.rsplit(maxsplit=1)[-1]
    if form.startswith("projected"):
        return {"projected": {"sources": [{kind: {"name": name, **fields}}], **mode}}
    return {kind: {"secretName" if kind == "secret" else "name": name, **fields, **mode}}


def of_the_pod(form: str, items: Sequence[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
    """The source of a volume that tells the pod of itself."""
    if form == "projected":
        return {"projected": {"sources": [{"downwardAPI": {"items": items}}], **fields}}
    return {"downwardAPI": {"items": items, **fields}}


def looking(
    name: str, script: str, volumes: Mapping[str, Mapping[str, Any]], *others: dict[str, Any], **spec: Any
) -> dict[str, Any]:
    """A pod that has each volume at /v/NAME in each container: the first runs the script, the others are given."""
    containers = [container("c0", script), *others]
    for each in containers:
        each["volumeMounts"] = [{"name": volume, "mountPath": f"/v/{volume}"} for volume in volumes]
    listed = [{"name": volume, **content} for volume, content in volumes.items()]
    return pod(name, containers=containers, volumes=listed, **{"restartPolicy": "Never", **spec})


def looked(node: Daemon, manifest: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    """The words of what each container said, when all have ended well."""
    name = manifest["metadata"]["name"]
    node.drop(f"{name}.yaml", manifest)
    node.wait_phase(f"{name}-lab", "Succeeded")
    return [node.said(f"{name}-lab", each["name"]).split() for each in manifest["spec"]["containers"]]


@pytest.mark.parametrize("form", FORMS)
def test_files_of_an_object(node: Daemon, form: str) -> None:
    node.drop("ours.yaml", document(form, "app", {"color": b"blue", "all": BINARY}))
    node.drop("theirs.yaml", document(form, "app", {"color": b"red"}, namespace="other"))
    mapped = [{"key": "color", "path": "a/b/color"}]
    volumes = {
        "plain": source(form, "app"),
        "again": source(form, "app"),
        "strict": source(form, "app", default_mode=0o400),
        "group": source(form, "app", default_mode=0o440),
        "mapped": source(form, "app", items=mapped),
        "modes": source(form, "app", items=[{**mapped[0], "mode": 0o400}, {"key": "all", "path": "all"}]),
    }
    script = (
        "cat /v/plain/color /v/again/color /v/mapped/a/b/color; echo; md5sum </v/plain/all; "
        "stat -Lc %a /v/plain/color /v/strict/color /v/modes/a/b/color /v/modes/all; ls /v/mapped"
    )
    user = {"securityContext": {"runAsUser": USER}}
    reads = "cat /v/plain/color /v/group/color /v/mapped/a/b/color; echo; stat -Lc '%a %g' /v/group/color"
    manifest = looking("app", script, volumes, container("c1", reads, **user), securityContext={"fsGroup": GROUP})
    root, other = looked(node, manifest)
    assert (root[0], root[-1]) == ("blueblueblue", "a")
    assert root[1] == "e2c865db4162bed963bfaa9ef6ac18f0"
    assert root[3:7] == ["644", "440", "440", "644"], "a group that is to read them can: fsGroup"
    assert other == ["blueblueblue", "440", str(GROUP)]


def test_an_object_of_its_own_mode(node: Daemon) -> None:
    for form in FORMS:
        node.drop(f"{form}.yaml", document(form, "app", {"color": b"blue"}))
    volumes = {form.replace(" ", "-").lower(): source(form, "app", default_mode=0o400) for form in FORMS}
    (shown,) = looked(node, looking("modes", "for v in /v/*; do stat -Lc %a $v/color; done", volumes))
    assert shown == ["400"] * len(FORMS)


def test_updates_of_optional_objects(node: Daemon) -> None:
    """One object comes, one changes and one goes, in each form."""
    for kind in ("configMap", "secret"):
        node.drop(f"changes-{kind}.yaml", document(kind, "changes", {"key": b"one"}))
        node.drop(f"goes-{kind}.yaml", document(kind, "goes", {"key": b"one"}))
    volumes = {
        f"{form.replace(' ', '-').lower()}-{name}": source(form, name, optional=True)
        for form in FORMS
        for name in ("changes", "comes", "goes")
    }
    each = "echo -n $(cat $v/key 2>/dev/null || echo none); echo -n ' '"
    script = f"trap 'exit 0' TERM; while :; do for v in /v/*; do {each}; done; echo; usleep 50000; done"
    node.drop("web.yaml", looking("web", script, volumes, restartPolicy="Always"))
    node.wait_said("web-lab", "one none one " * len(FORMS))
    for kind in ("configMap", "secret"):
        node.drop(f"changes-{kind}.yaml", document(kind, "changes", {"key": b"two"}))
        node.drop(f"comes-{kind}.yaml", document(kind, "comes", {"key": b"new"}))
        node.remove(f"goes-{kind}.yaml")
    node.wait_said("web-lab", "two new none " * len(FORMS))


@pytest.mark.parametrize("form", ["downwardAPI", "projected"])
def test_the_pod_itself(node: Daemon, form: str) -> None:
    resources = {
        "cpu-limit": ("bounded", "limits.cpu", "1m"),
        "cpu-request": ("bounded", "requests.cpu", "1m"),
        "memory-limit": ("bounded", "limits.memory", "1Mi"),
        "memory-request": ("bounded", "requests.memory", "1Mi"),
        "cpu-of-the-node": ("c0", "limits.cpu", "1m"),
        "memory-of-the-node": ("c0", "limits.memory", "1Mi"),
    }
    items: list[dict[str, Any]] = [
        {"path": path, "resourceFieldRef": {"containerName": name, "resource": resource, "divisor": divisor}}
        for path, (name, resource, divisor) in resources.items()
    ]
    items.append({"path": "podname", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o400})
    volume = of_the_pod(form, items, defaultMode=0o440)
    bounded = container("bounded", "true")
    bounded["resources"] = {
        "requests": {"cpu": "50m", "memory": "16Mi"},
        "limits": {"cpu": "1250m", "memory": "64Mi"},
    }
    script = f"cd /v/v; for f in {' '.join(resources)} podname; do echo $(cat $f) $(stat -Lc %a $f); done"
    shown, _ = looked(node, looking("told", script, {"v": volume}, bounded))
    values, modes = shown[::2], shown[1::2]
    assert values[:4] == ["1250", "50", "64", "16"]
    assert int(values[4]) == 1000 * (os.cpu_count() or 0)
    assert 0 < int(values[5]) <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20 + 1
    assert values[6] == "told-lab"
    assert modes == ["440"] * 6 + ["400"]


@pytest.mark.parametrize("form", ["downwardAPI", "projected"])
def test_labels_and_annotations_as_they_change(node: Daemon, form: str) -> None:
    fields = ("labels", "annotations")
    volume = of_the_pod(form, [{"path": name, "fieldRef": {"fieldPath": f"metadata.{name}"}} for name in fields])
    script = "trap 'exit 0' TERM; while :; do echo $(cat /v/v/labels) $(grep mine /v/v/annotations); usleep 50000; done"
    manifest = looking("web", script, {"v": volume}, restartPolicy="Always")
    for value in ("one", "two"):
        manifest["metadata"] |= {"labels": {"tier": value}, "annotations": {"mine": value}}
        node.drop("web.yaml", manifest)
        node.wait_said("web-lab", f'tier="{value}" mine="{value}"')


def test_empty_dirs_of_any_mode(node: Daemon) -> None:
    volumes: dict[str, dict[str, Any]] = {"default": {"emptyDir": {}}, "tmpfs": {"emptyDir": {"medium": "Memory"}}}
    modes = ("644", "666", "777")
    script = (
        "for v in default tmpfs; do stat -c %a /v/$v; [ $(stat -f -c %T /v/$v) = tmpfs ] && echo memory || echo disk; "
        f"for m in {' '.join(modes)}; do f=/v/$v/$(id -u)-$m; echo $m >$f; chmod $m $f; "
        "echo $(cat $f) $(stat -c '%a %u' $f); done; done"
    )
    other = container("c1", script, securityContext={"runAsUser": USER})
    shown = looked(node, looking("dirs", script, volumes, other))
    kind = subprocess.run(["stat", "-f", "-c", "%T", node.state], capture_output=True, text=True, check=True).stdout
    plain = "memory" if kind.strip() == "tmpfs" else "disk"
    for uid, words in zip((0, USER), shown, strict=True):
        files = [word for mode in modes for word in (mode, mode, str(uid))]
        assert words == ["777", plain, *files, "777", "memory", *files]
