"""Annotations that mean something here: those that the kubelet puts on pods of its own sources, and hostpod's own."""

CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_SEEN = "kubernetes.io/config.seen"

# Most bits a second that come to the pod, and that it sends: quantities.
INGRESS_BANDWIDTH = "kubernetes.io/ingress-bandwidth"
EGRESS_BANDWIDTH = "kubernetes.io/egress-bandwidth"

# hostpod's own: names of the pods that are ready before this one starts, and that end after it.
AFTER = "hostpod.io/after"

# A new version of the pod starts beside the old one, and takes its place when it is ready; how long that may take.
REPLACE = "hostpod.io/replace"
WHEN_READY = "when-ready"
REPLACE_DEADLINE = "hostpod.io/replace-deadline-seconds"
