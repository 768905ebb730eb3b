"""A pod in the layout of `kubectl describe pod`. Pure: tabs are aligned by table.align."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostpod.cli.describe_container import container_lines, resource_lines
from hostpod.cli.describe_volume import volume_lines
from hostpod.cli.events_table import event_interval, event_source
from hostpod.cli.table import align
from hostpod.cli.times import long_date, since

JsonObject = Mapping[str, Any]

_ANNOTATION_LIMIT = 140  # kubectl's: longer ones begin on a line of their own and are cut


def describe_pod(pod: JsonObject, events: Sequence[JsonObject], *, now: float) -> str:
    """Everything about a pod that a person asks for first, and its events."""
    head = [*_identity(pod, now), *_addresses(pod), *_containers(pod), *_rest(pod)]
    if not events:
        return align("\n".join((*head, "Events:\t<none>"))) + "\n"
    return align("\n".join(head)) + "\n" + align("\n".join(_events(events, now))) + "\n"


def _identity(pod: JsonObject, now: float) -> Iterator[str]:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    yield f"Name:\t{metadata['name']}"
    yield f"Namespace:\t{metadata.get('namespace', '')}"
    for title, key in (
        ("Priority", "priority"),
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(key) is not None and spec[key] != "":
            yield f"{title}:\t{spec[key]}"
    yield f"Node:\t{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else "Node:\t<none>"
    if "startTime" in status:
        yield f"Start Time:\t{long_date(status['startTime'])}"
    yield from _pairs("Labels", metadata.get("labels", {}))
    yield from _annotations(metadata.get("annotations", {}))
    yield from _phase(pod, now)


def _phase(pod: JsonObject, now: float) -> Iterator[str]:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if metadata.get("deletionTimestamp") and status.get("phase") not in {"Failed", "Succeeded"}:
        yield f"Status:\tTerminating (lasts {since(metadata['deletionTimestamp'], now)})"
        yield f"Termination Grace Period:\t{metadata.get('deletionGracePeriodSeconds', 0)}s"
    else:
        yield f"Status:\t{status.get('phase', '')}"
    for title, key in (("Reason", "reason"), ("Message", "message")):
        if status.get(key):
            yield f"{title}:\t{status[key]}"
    profile = spec.get("securityContext", {}).get("seccompProfile")
    if profile:
        yield f"SeccompProfile:\t{profile['type']}"
        if profile["type"] == "Localhost":
            yield f"LocalhostProfile:\t{profile.get('localhostProfile', '')}"


def _addresses(pod: JsonObject) -> Iterator[str]:
    status = pod.get("status", {})
    yield f"IP:\t{status.get('podIP', '')}"
    if not status.get("podIPs"):
        yield "IPs:\t<none>"
        return
    yield "IPs:"
    for each in status["podIPs"]:
        yield f"  IP:\t{each['ip']}"


def _containers(pod: JsonObject) -> Iterator[str]:
    spec, status = pod["spec"], pod.get("status", {})
    if spec.get("resources"):
        yield "Resources:"
        yield from resource_lines(spec["resources"], "  ")
    for title, key, status_key in (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ):
        if spec.get(key):
            statuses = {each["name"]: each for each in status.get(status_key, [])}
            yield f"{title}:"
            for container in spec[key]:
                yield from container_lines(pod, container, statuses.get(container["name"]))


def _rest(pod: JsonObject) -> Iterator[str]:
    spec, status = pod["spec"], pod.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if spec.get("readinessGates"):
        yield "Readiness Gates:\n  Type\tStatus"
        for gate in spec["readinessGates"]:
            yield f"  {gate['conditionType']} \t{conditions.get(gate['conditionType'], '<none>')} "
    if conditions:
        yield "Conditions:\n  Type\tStatus"
        for name, value in conditions.items():
            yield f"  {name} \t{value} "
    yield "Volumes:" if spec.get("volumes") else "Volumes:\t<none>"
    for volume in spec.get("volumes", []):
        yield from volume_lines(volume)
    yield f"QoS Class:\t{status.get('qosClass', '')}"
    yield from _pairs("Node-Selectors", spec.get("nodeSelector", {}))
    yield from _tolerations(spec.get("tolerations", []))


def _pairs(title: str, pairs: Mapping[str, str]) -> Iterator[str]:
    if not pairs:
        yield f"{title}:\t<none>"
    for number, key in enumerate(sorted(pairs)):
        yield f"{'' if number else title + ':'}\t{key}={pairs[key]}"


def _annotations(annotations: Mapping[str, str]) -> Iterator[str]:
    if not annotations:
        yield "Annotations:\t<none>"
    for number, key in enumerate(sorted(annotations)):
        lead, value = "" if number else "Annotations:", annotations[key].removesuffix("\n")
        if len(value) + len(key) + 2 <= _ANNOTATION_LIMIT and "\n" not in value:
            yield f"{lead}\t{key}: {value}"
            continue
        yield f"{lead}\t{key}:"
        for line in value.split("\n"):
            longest = _ANNOTATION_LIMIT - 2
            yield f"\t  {line[:longest]}{'...' if len(line) > longest else ''}"


def _tolerations(tolerations: Sequence[JsonObject]) -> Iterator[str]:
    if not tolerations:
        yield "Tolerations:\t<none>"
    for number, each in enumerate(sorted(tolerations, key=lambda toleration: str(toleration.get("key", "")))):
        words = each.get("key", "")
        words += f"={each['value']}" if each.get("value") else ""
        words += f":{each['effect']}" if each.get("effect") else ""
        if each.get("operator") == "Exists" and not each.get("value"):
            words += " op=Exists" if words else "op=Exists"
        if each.get("tolerationSeconds") is not None:
            words += f" for {each['tolerationSeconds']}s"
        yield f"{'' if number else 'Tolerations:'}\t{words}"


def _events(events: Sequence[JsonObject], now: float) -> Iterator[str]:
    yield "Events:"
    yield "  Type\tReason\tAge\tFrom\tMessage"
    yield "  ----\t------\t----\t----\t-------"
    for event in events:
        field = event.get("involvedObject", {}).get("fieldPath", "")
        message = f"{field}: " if field else ""
        message += event.get("message", "").strip()
        cells = (event.get("type", ""), event.get("reason", ""), event_interval(event, now), event_source(event))
        yield "  " + "\t".join((*cells, message))
