"""A pod of a manifest as the pod of this node: name, namespace, uid and the marks that the kubelet puts on it."""

from __future__ import annotations

import hashlib
import json

from hostpod.kube import Pod, PodStatus, Toleration, to_json
from hostpod.kube.annotations import CONFIG_HASH, CONFIG_SOURCE

_STAYS = Toleration(operator="Exists", effect="NoExecute")


def static_pod(pod: Pod, *, node_name: str, suffix: bool, source_file: str, source: str = "file") -> Pod:
    """The pod as it runs here. Without a uid of its own it gets the hash of its content, the node and the file.

    So the uid stays over restarts of hostpod and over changes of comments and order, and changes with the pod.
    What the manifest claims of the status is dropped.
    """
    content_hash = _hash(pod, node_name=node_name, source_file=source_file)
    uid = pod.uid or content_hash
    # The kubelet writes the uid here; the hash tells a change of a pod that brings its own uid, too.
    marks = {CONFIG_SOURCE: source, CONFIG_HASH: content_hash}
    metadata = pod.metadata.model_copy(
        update={
            "name": f"{pod.name}-{node_name.lower()}" if suffix else pod.name,
            "namespace": pod.namespace or "default",
            "uid": uid,
            "annotations": {**pod.metadata.annotations, **marks},
        }
    )
    tolerations = pod.spec.tolerations if _STAYS in pod.spec.tolerations else (*pod.spec.tolerations, _STAYS)
    spec = pod.spec.model_copy(update={"node_name": node_name, "tolerations": tolerations})
    return pod.model_copy(
        update={"api_version": None, "kind": None, "metadata": metadata, "spec": spec, "status": PodStatus()}
    )


def _hash(pod: Pod, *, node_name: str, source_file: str) -> str:
    """32 hexadecimal digits."""
    content = to_json(pod.model_copy(update={"api_version": None, "kind": None, "status": PodStatus()}))
    told = json.dumps([content, node_name, source_file], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
