"""Fields that no other test looks at from inside: one pod has them all."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, container, pod, statuses

pytestmark = pytest.mark.integration

LOOKS = {
    "id": "id -G",
    "root": "stat -c '%g %a' /d",
    "made": "touch /d/x; stat -c %g /d/x",
    "part": "pwd; ls -d /d/of-c0",
    "raw": "od -An -tx1 /cm/raw",
    "modes": "stat -Lc %a /p/etc/color /p/deep/user /w/name /w/limit /s/me",
    "values": "cat /p/etc/color; echo; cat /p/deep/user; echo; cat /w/name; echo; cat /w/limit; echo; cat /s/me; echo",
    "absent": "ls /none",
    "account": "echo $ACCOUNT $BULK_color ${NONE_x:-none}",
    "proc": "test -w /proc/sys/kernel/shmmax || echo read-only",
}

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "app"},
    "data": {"color": "blue"},
    "binaryData": {"raw": base64.b64encode(b"\0\xff").decode()},
    "immutable": True,
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db"},
    "type": "kubernetes.io/basic-auth",
    "data": {"username": base64.b64encode(b"root").decode()},
    "immutable": True,
}

VOLUMES: list[dict[str, Any]] = [
    {"name": "d", "emptyDir": {}},
    {"name": "cm", "configMap": {"name": "app"}},
    {"name": "none", "configMap": {"name": "none", "optional": True}},
    {
        "name": "p",
        "projected": {
            "defaultMode": 0o440,
            "sources": [
                {"configMap": {"name": "app", "items": [{"key": "color", "path": "etc/color", "mode": 0o444}]}},
                {"configMap": {"name": "none", "optional": True}},
                {"secret": {"name": "db", "items": [{"key": "username", "path": "deep/user"}]}},
                {"secret": {"name": "none", "optional": True}},
            ],
        },
    },
    {
        "name": "w",
        "downwardAPI": {
            "defaultMode": 0o444,
            "items": [
                {"path": "name", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}},
                {
                    "path": "limit",
                    "mode": 0o440,
                    "resourceFieldRef": {"containerName": "c0", "resource": "limits.memory", "divisor": "1Mi"},
                },
            ],
        },
    },
    {"name": "s", "secret": {"secretName": "db", "optional": True, "items": [{"key": "username", "path": "me"}]}},
]


def test_one_pod_with_all_of_them(node: Daemon) -> None:
    node.drop("app.yaml", CONFIG_MAP)
    node.drop("db.yaml", SECRET)
    mounts: list[dict[str, Any]] = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in VOLUMES]
    mounts[0]["recursiveReadOnly"] = "Disabled"
    mounts.append({"name": "d", "mountPath": "/part", "subPathExpr": "of-$(ME)"})
    script = "; ".join(f"echo {name}:; {look}; echo --" for name, look in LOOKS.items())
    asked = container(
        "c0",
        f"{script}; echo end; {FOREVER}",
        env=[
            {"name": "ME", "value": "c0"},
            {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
            {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x", "optional": True}}},
        ],
        envFrom=[
            {"prefix": "BULK_", "configMapRef": {"name": "app"}},
            {"prefix": "NONE_", "configMapRef": {"name": "none", "optional": True}},
            {"prefix": "NONE_", "secretRef": {"name": "none", "optional": True}},
        ],
        ports=[{"name": "web", "containerPort": 80, "protocol": "UDP"}],
        resources={"limits": {"memory": "32Mi"}},
        securityContext={"procMount": "Default", "runAsUser": 1000, "runAsGroup": 1000},
        volumeMounts=mounts,
        workingDir="/part",
    )
    context = {"fsGroup": 5000, "fsGroupChangePolicy": "Always"}
    spec: dict[str, Any] = {"securityContext": context, "serviceAccount": "till", "hostUsers": True, "volumes": VOLUMES}
    node.drop("all.yaml", pod("all", containers=[asked], **spec))
    node.wait_running("all-lab")
    parts = node.wait_said("all-lab", "end\n").split("--\n")[:-1]
    found = {name: text.split() for name, text in (part.split(":\n", 1) for part in parts)}
    assert found == {
        "id": ["1000", "5000"],
        "root": ["5000", "2777"],
        "made": ["5000"],
        "part": ["/part", "/d/of-c0"],
        "raw": ["00", "ff"],
        "modes": ["444", "440", "444", "440", "644"],
        "values": ["blue", "root", "all-lab", "32", "root"],
        "absent": [],
        "account": ["till", "blue", "none"],
        "proc": ["read-only"],
    }
    shown = node.pods()["all-lab"]["spec"]["containers"][0]
    assert shown["ports"] == [{"name": "web", "containerPort": 80, "protocol": "UDP"}]

    node.drop("app.yaml", {**CONFIG_MAP, "data": {"color": "red"}})
    node.drop("db.yaml", {**SECRET, "data": {"username": base64.b64encode(b"me").decode()}})
    until(lambda: len(node.problems()) == 2, "what is immutable is told")
    assert {problem["path"] for problem in node.problems()} == {"immutable"}
    read = node.cli("exec", "all", "--", "cat", "/p/etc/color", "/s/me")
    assert read.stdout == "blueroot"
    assert statuses(node.pods()["all-lab"])["c0"]["restartCount"] == 0
