"""What the downward API gives a container, as `describe` shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_PLACES = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "metadata.uid": ("metadata", "uid"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "status.hostIP": ("status", "hostIP"),
    "status.podIP": ("status", "podIP"),
}
_LISTS = {"status.podIPs": "podIPs", "status.hostIPs": "hostIPs"}


def field_value(pod: JsonObject, path: str) -> str:
    """The value of a fieldRef; empty where the pod has none (yet)."""
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        return str(pod["metadata"].get(subscript[1], {}).get(subscript[2], ""))
    if path in _LISTS:
        return ",".join(each["ip"] for each in pod.get("status", {}).get(_LISTS[path], []))
    if path in _PLACES:
        part, key = _PLACES[path]
        return str(pod.get(part, {}).get(key, ""))
    return ""


def resource_value(container: JsonObject, reference: JsonObject) -> str:
    """The value of a resourceFieldRef in units of its divisor, rounded up."""
    kind, _, name = str(reference["resource"]).partition(".")
    text = container.get("resources", {}).get(kind, {}).get(name)
    if text is None:
        return "node allocatable" if kind == "limits" and name in {"cpu", "memory"} else "0"
    from hostpod.kube.quantity import Quantity  # noqa: PLC0415 - half of this command's time, and rarely needed

    divisor = Quantity.parse(str(reference.get("divisor") or "1"))
    quantity = Quantity.parse(str(text))
    return str(-(-quantity.milli // (divisor.milli or 1000)))
