"""Variables of a container, wherever their values come from, seen from inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.integration.crash_kit import until
from tests.integration.fakehost import UPLINK_ADDRESS
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, seen, statuses, waiting

pytestmark = pytest.mark.integration


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def shown(node: Daemon, env: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, str]:
    """The variables that a container has."""
    lines = seen(node, "env", env=env, **more).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_config_maps_and_secrets(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", color="blue", size="9", note="$(color)"))
    node.drop("db.yaml", secret("db", user="root", password="s3cret=="))
    env: list[dict[str, Any]] = [
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "ABSENT", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": True}}},
        {"name": "URL", "value": "db://$(DB_user):$(PASSWORD)@$(ABSENT)/$$(COLOR)"},
        {"name": "size", "value": "10"},
    ]
    env_from = [{"configMapRef": {"name": "app"}}, {"prefix": "DB_", "secretRef": {"name": "db"}}]
    found = shown(node, env, envFrom=env_from)
    assert "ABSENT" not in found
    expected = {
        "COLOR": "blue",
        "color": "blue",
        "size": "10",
        "note": "$(color)",
        "DB_user": "root",
        "DB_password": "s3cret==",
        "PASSWORD": "s3cret==",
        "URL": "db://root:s3cret==@$(ABSENT)/$(COLOR)",
    }
    assert {name: found[name] for name in expected} == expected


def test_what_the_pod_is_told_of_itself(node: Daemon) -> None:
    fields = {
        "NAME": "metadata.name",
        "NAMESPACE": "metadata.namespace",
        "UID": "metadata.uid",
        "LABEL": "metadata.labels['app.x/tier']",
        "NOTE": "metadata.annotations['a/b']",
        "NODE": "spec.nodeName",
        "HOST_IP": "status.hostIP",
        "HOST_IPS": "status.hostIPs",
        "IP": "status.podIP",
        "IPS": "status.podIPs",
    }
    resources = {"CPU": ("requests.cpu", "1m"), "MEMORY": ("limits.memory", "1Mi"), "CORES": ("limits.cpu", "1")}
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    env += [
        {"name": name, "valueFrom": {"resourceFieldRef": {"resource": resource, "divisor": divisor}}}
        for name, (resource, divisor) in resources.items()
    ]
    manifest = pod("told", "env", restartPolicy="Never")
    manifest["metadata"] |= {"labels": {"app.x/tier": "one"}, "annotations": {"a/b": "two words"}}
    amounts = {"requests": {"cpu": "150m"}, "limits": {"memory": "64Mi"}}
    manifest["spec"]["containers"][0] |= {"env": env, "resources": amounts}
    node.drop("told.yaml", manifest)
    status = node.wait_phase("told-lab", "Succeeded")
    found = dict(line.split("=", 1) for line in node.said("told-lab").splitlines())
    assert {name: found[name] for name in (*fields, "CPU", "MEMORY")} == {
        "NAME": "told-lab",
        "NAMESPACE": "default",
        "UID": status["metadata"]["uid"],
        "LABEL": "one",
        "NOTE": "two words",
        "NODE": "lab",
        "HOST_IP": UPLINK_ADDRESS,
        "HOST_IPS": UPLINK_ADDRESS,
        "IP": status["status"]["podIP"],
        "IPS": status["status"]["podIP"],
        "CPU": "150",
        "MEMORY": "64",
    }
    assert int(found["CORES"]) >= 1


def test_a_file_that_an_init_container_wrote(node: Daemon) -> None:
    reference = {"volumeName": "work", "path": "app.env", "key": "ANSWER"}
    init = container("i", "printf \"# mine\\nANSWER='forty two'\\n\" > /w/app.env")
    init["volumeMounts"] = [{"name": "work", "mountPath": "/w"}]
    main = container("c0", 'echo "<$ANSWER>"', env=[{"name": "ANSWER", "valueFrom": {"fileKeyRef": reference}}])
    volumes = [{"name": "work", "emptyDir": {}}]
    manifest = pod("file", restartPolicy="Never", initContainers=[init], containers=[main], volumes=volumes)
    node.drop("file.yaml", manifest)
    node.wait_phase("file-lab", "Succeeded")
    assert node.said("file-lab") == "<forty two>\n"


def test_a_file_that_leads_out_of_its_volume_is_not_read(node: Daemon) -> None:
    reference = {"volumeName": "work", "path": "app.env", "key": "ANSWER"}
    init = container("i", "ln -s /etc/hosts /w/app.env")
    init["volumeMounts"] = [{"name": "work", "mountPath": "/w"}]
    main = container("c0", "env", env=[{"name": "ANSWER", "valueFrom": {"fileKeyRef": reference}}])
    manifest = pod("out", initContainers=[init], containers=[main], volumes=[{"name": "work", "emptyDir": {}}])
    node.drop("out.yaml", manifest)
    told = node.wait_container(
        "out-lab", lambda status: waiting(status) == "CreateContainerConfigError", what="refused"
    )
    assert "cannot read app.env" in told["state"]["waiting"]["message"]


def test_a_pod_waits_for_what_it_names_and_starts_when_it_comes(new_daemon: Any) -> None:
    daemon = new_daemon(backoff={"initial": "10m", "max": "10m"})  # so it is what came that starts it, and no repeat
    daemon.start()
    env = [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "color"}}}]
    containers = [container("c0", f"echo $COLOR; {FOREVER}", env=env)]
    daemon.drop("web.yaml", pod("web", containers=containers))
    daemon.drop("other.yaml", pod("other", FOREVER))
    told = daemon.wait_container(
        "web-lab", lambda status: waiting(status) == "CreateContainerConfigError", what="refused"
    )
    assert told["state"]["waiting"]["message"] == (
        'variable COLOR: configmap "late" not found: no manifest has a ConfigMap of this name in namespace default; '
        "add one, or mark it optional"
    )
    daemon.drop("late.yaml", config_map("late", colour="red"))
    told = daemon.wait_container(
        "web-lab",
        lambda status: "couldn't find key" in status["state"].get("waiting", {}).get("message", ""),
        what="refused again",
    )
    assert told["state"]["waiting"]["message"].endswith("couldn't find key color in ConfigMap default/late")
    daemon.drop("late.yaml", config_map("late", color="red"))
    daemon.wait_running("web-lab", "other-lab")
    daemon.wait_said("web-lab", "red")

    before = daemon.pods()
    daemon.drop("late.yaml", config_map("late", color="green"))
    daemon.drop("marker.yaml", pod("marker", FOREVER))
    daemon.wait_running("marker-lab")
    after = daemon.pods()
    for name in ("web-lab", "other-lab"):
        assert statuses(after[name]) == statuses(before[name]), "what runs keeps the variables that it was started with"
    assert reasons(daemon.events(), "other-lab").count("Started") == 1
    until(lambda: reasons(daemon.events(), "web-lab").count("Started") == 1, "web started once")


def test_what_is_secret_is_shown_nowhere(node: Daemon) -> None:
    node.drop("key.yaml", secret("key", word="xyzzy-unspoken"))
    env = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "key", "key": "word"}}}]
    node.drop("web.yaml", pod("web", containers=[container("c0", FOREVER, env=env)]))
    node.wait_running("web-lab")
    texts = [
        str(node.all_pods()),
        str(node.events()),
        node.last_lines(1000),
        node.cli("describe", "pod", "web-lab").stdout,
    ]
    assert not any("xyzzy" in text for text in texts)
    for directory in (node.state, node.runtime):
        for path in directory.rglob("*"):
            if path.is_file() and b"xyzzy" in path.read_bytes():
                assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0, path
                assert path.is_relative_to(node.runtime), "nothing secret on disk"
