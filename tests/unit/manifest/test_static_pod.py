"""The pod of this node: name, uid and marks."""

from __future__ import annotations

import pytest

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.manifest import static_pod
from tests.unit.manifest.write import WEB, pod_of, web


def here(pod: Pod, *, node_name: str = "Node-1", suffix: bool = True, source_file: str = "/m/web.yaml") -> Pod:
    return static_pod(pod, node_name=node_name, suffix=suffix, source_file=source_file)


def test_as_the_kubelet_marks_it() -> None:
    pod = here(pod_of(web(metadata="annotations: {a: b}")))
    assert (pod.name, pod.namespace, pod.spec.node_name) == ("web-node-1", "default", "Node-1")
    assert len(pod.uid) == 32
    assert set(pod.uid) <= set("0123456789abcdef")
    assert pod.metadata.annotations == {
        "a": "b",
        "kubernetes.io/config.source": "file",
        "kubernetes.io/config.hash": pod.uid,
    }
    assert [(each.operator, each.effect) for each in pod.spec.tolerations] == [("Exists", "NoExecute")]
    assert (pod.api_version, pod.kind) == (None, None)


def test_the_suffix_is_a_setting() -> None:
    assert here(pod_of(WEB), suffix=False).name == "web"


def test_a_uid_of_its_own_stays() -> None:
    pod = here(pod_of(web(metadata="uid: abc")))
    assert pod.uid == "abc"


def test_the_hash_tells_a_change_whatever_the_uid() -> None:
    hashes = {
        here(pod_of(web(metadata=f"uid: abc\nlabels: {{a: {value}}}"))).metadata.annotations[CONFIG_HASH]
        for value in ("old", "new")
    }
    assert len(hashes) == 2


@pytest.mark.parametrize(
    "same",
    [
        WEB + "# a comment\n",
        WEB.replace("name: nginx\n    image: nginx", "image: 'nginx'\n    name: nginx"),
        WEB + "  restartPolicy: Always\n",
        WEB + "status: {phase: Running}\n",
    ],
)
def test_the_uid_stays_with_the_meaning(same: str) -> None:
    assert here(pod_of(same)).uid == here(pod_of(WEB)).uid


def test_the_uid_changes_with_pod_node_and_file() -> None:
    pod = pod_of(WEB)
    uids = {
        here(pod).uid,
        here(pod_of(web("tty: false\ncommand: [a]"))).uid,
        here(pod, node_name="other").uid,
        here(pod, source_file="/m/other.yaml").uid,
    }
    assert len(uids) == 4


def test_a_toleration_that_is_there_is_not_repeated() -> None:
    pod = pod_of(web(spec="tolerations: [{operator: Exists, effect: NoExecute}]"))
    assert len(here(pod).spec.tolerations) == 1
