"""Annotations that mean something here: those that the kubelet puts on pods of its own sources, and hostpod's own."""

CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_SEEN = "kubernetes.io/config.seen"

# hostpod's own: names of the pods that are ready before this one starts, and that end after it.
AFTER = "hostpod.io/after"
