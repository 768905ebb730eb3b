"""Images that volumes show, in the plan and in what people are told."""

from __future__ import annotations

from typing import Any

from hostpod.kube import Pod, to_json
from hostpod.plan.actions import Abandon, EnsureVolumeImage
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.container_status import container_status
from hostpod.plan.image_volumes import mount_statuses
from hostpod.plan.observed import Ending, Failure, ObservedPod
from hostpod.plan.reconcile import plan_pod
from hostpod.plan.summary import standing
from tests.unit.plan.build import pod, seen

ENDING = Ending(since=150.0, grace_s=30.0, reason="gone")


def showing(**mount: Any) -> Pod:
    """Two containers, of which the first mounts a volume with the files of an image."""
    first = {"name": "web", "image": "img", "volumeMounts": [{"name": "v", "mountPath": "/v", **mount}]}
    volumes = [{"name": "v", "image": {"reference": "files"}}, {"name": "e", "emptyDir": {}}]
    return pod(containers=[first, {"name": "side", "image": "img"}], volumes=volumes)


def acts(sight: ObservedPod) -> list[tuple[str, str]]:
    plan = plan_pod(sight.pod, sight, 200.0, BackoffRule())
    return [(type(each).__name__, each.target) for each in plan.actions]


HERE = {"web": "sha256:1", "side": "sha256:1"}


def test_only_who_mounts_it_waits_for_it() -> None:
    assert acts(seen(showing(), images=HERE)) == [
        ("EnsureVolumeImage", "imageVolume:v"),
        ("CreateContainer", "container:side"),
    ]
    assert acts(seen(showing(), images=HERE, volume_images={"v": "sha256:2"})) == [
        ("CreateContainer", "container:web"),
        ("CreateContainer", "container:side"),
    ]


def test_a_pull_is_given_up_with_its_pod() -> None:
    sight = seen(showing(), ending=ENDING, busy=frozenset({"imageVolume:v"}))
    (action,) = plan_pod(None, sight, 160.0, BackoffRule()).actions
    assert action == Abandon(what="imageVolume:v", reason="gone")
    assert action.target == "abandon imageVolume:v"


def test_why_a_container_waits() -> None:
    key = EnsureVolumeImage(volume="v", reason="").key
    for reason, busy, told, message in (
        (
            "ErrImagePull",
            frozenset[str](),
            "ImagePullBackOff",
            'Back-off pulling image "files": ErrImagePull: no route',
        ),
        ("ErrImagePull", frozenset({"imageVolume:v"}), "ErrImagePull", "no route"),
        ("InvalidImageName", frozenset[str](), "InvalidImageName", "no route"),
    ):
        failure = Failure(action=key, count=1, at=195.0, reason=reason, message="no route")
        sight = seen(showing(), failures={key: failure}, busy=busy)
        web, side = (container_status(each, sight, 200.0, BackoffRule()).state for each in sight.pod.spec.containers)
        assert web.waiting is not None
        assert (web.waiting.reason, web.waiting.message) == (told, message)
        assert side.waiting is not None
        assert side.waiting.reason == "ContainerCreating"


def test_a_pod_whose_volume_is_pulled_is_pulling() -> None:
    assert standing(seen(showing(), busy=frozenset({"imageVolume:v"})), 200.0, BackoffRule()) == "starting"


def test_what_is_told_of_mounts() -> None:
    def told(sight: ObservedPod) -> Any:
        return [to_json(each) for each in mount_statuses(sight.pod.spec.containers[0], sight)]

    plain = {"name": "v", "mountPath": "/v"}
    assert told(seen(showing())) == [plain]
    shown = {"volumeStatus": {"image": {"imageRef": "sha256:2"}}}
    assert told(seen(showing(), volume_images={"v": "sha256:2"})) == [plain | shown]
    for wanted, now in (
        (None, "Disabled"),
        ("Disabled", "Disabled"),
        ("IfPossible", "Enabled"),
        ("Enabled", "Enabled"),
    ):
        sight = seen(showing(readOnly=True, recursiveReadOnly=wanted))
        assert told(sight) == [plain | {"readOnly": True, "recursiveReadOnly": now}]
