"""The Secrets that a pod's images are pulled with (imagePullSecrets)."""

from __future__ import annotations

from hostpod.engine.edges import Edges
from hostpod.images import PullSecret, UnusableSecretError, pull_secret
from hostpod.kube import Pod, Secret
from hostpod.kube.references import SECRET

REASON = "FailedToRetrieveImagePullSecret"  # the kubelet's name of the event


def pull_secrets(pod: Pod, edges: Edges) -> tuple[PullSecret, ...]:
    """Those that are there, in the pod's order. The pod is told of the others, and the pull goes on without them."""
    found, lacking = [], {}
    for name in dict.fromkeys(each.name for each in pod.spec.image_pull_secrets if each.name):
        secret = edges.configs.held.get((SECRET, pod.namespace, name))
        try:
            found.append(_usable(secret, pod.namespace))
        except UnusableSecretError as error:
            lacking[name] = str(error)
    if lacking:
        edges.events.pod(pod, "Warning", REASON, _told(lacking))
    return tuple(found)


def _usable(secret: object, namespace: str) -> PullSecret:
    if not isinstance(secret, Secret):
        raise UnusableSecretError(f"no manifest has a Secret of this name in namespace {namespace}")
    return pull_secret(secret)


def _told(lacking: dict[str, str]) -> str:
    """The kubelet's words, and why."""
    why = "; ".join(f"{name}: {reason}" for name, reason in lacking.items())
    names = ", ".join(lacking)
    return f"Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed. {why}"
