"""The part of `describe pod` that shows one container. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostpod.cli.field_values import field_value, resource_value
from hostpod.cli.times import long_date

JsonObject = Mapping[str, Any]

_PROBES = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))


def container_lines(pod: JsonObject, container: JsonObject, status: JsonObject | None) -> Iterator[str]:
    """Image, ports, command, state, resources, probes, environment and mounts."""
    yield f"  {container['name']}:"
    if status is not None:
        yield f"    Container ID:\t{status.get('containerID', '')}"
    yield f"    Image:\t{container.get('image', '')}"
    if status is not None:
        yield f"    Image ID:\t{status.get('imageID', '')}"
    yield from _ports(container.get("ports", []))
    yield from _seccomp(container)
    yield from _words("Command", container.get("command", []))
    yield from _words("Args", container.get("args", []))
    if status is not None:
        yield from _state(status)
    yield from resource_lines(container.get("resources", {}), "    ")
    for title, key in _PROBES:
        if key in container:
            yield f"    {title}:\t{probe_text(container[key])}"
    yield from _environment_from(container.get("envFrom", []))
    yield from _environment(pod, container)
    yield from _mounts(container)


def _ports(ports: Sequence[JsonObject]) -> Iterator[str]:
    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        shown = [
            f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}" + (f" ({port['name']})" if port.get("name") else "")
            for port in ports
        ]
        yield f"    {title}{'s' if len(shown) > 1 else ''}:\t{', '.join(shown) or '<none>'}"


def _seccomp(container: JsonObject) -> Iterator[str]:
    profile = container.get("securityContext", {}).get("seccompProfile")
    if profile:
        yield f"    SeccompProfile:\t{profile['type']}"
        if profile["type"] == "Localhost":
            yield f"      LocalhostProfile:\t{profile.get('localhostProfile', '')}"


def _words(title: str, words: Sequence[str]) -> Iterator[str]:
    if words:
        yield f"    {title}:"
    for word in words:
        for line in word.split("\n"):
            yield f"      {line}"


def _state(status: JsonObject) -> Iterator[str]:
    yield from _one_state("State", status.get("state", {}))
    if "terminated" in status.get("lastState", {}):
        yield from _one_state("Last State", status["lastState"])
    yield f"    Ready:\t{bool(status.get('ready'))}"
    yield f"    Restart Count:\t{status.get('restartCount', 0)}"


def _one_state(title: str, state: JsonObject) -> Iterator[str]:
    if "running" in state:
        yield f"    {title}:\tRunning"
        yield f"      Started:\t{long_date(state['running'].get('startedAt'))}"
        return
    if "terminated" in state:
        yield f"    {title}:\tTerminated"
        yield from _ending(state["terminated"])
        return
    yield f"    {title}:\tWaiting"
    if state.get("waiting", {}).get("reason"):
        yield f"      Reason:\t{state['waiting']['reason']}"


def _ending(terminated: JsonObject) -> Iterator[str]:
    for title, key in (("Reason", "reason"), ("Message", "message")):
        if terminated.get(key):
            yield f"      {title}:\t{terminated[key]}"
    yield f"      Exit Code:\t{terminated.get('exitCode', 0)}"
    if terminated.get("signal"):
        yield f"      Signal:\t{terminated['signal']}"
    yield f"      Started:\t{long_date(terminated.get('startedAt'))}"
    yield f"      Finished:\t{long_date(terminated.get('finishedAt'))}"


def resource_lines(resources: JsonObject, indent: str) -> Iterator[str]:
    """Limits and requests of a container, or of a pod as a whole."""
    for title, key in (("Limits", "limits"), ("Requests", "requests")):
        if resources.get(key):
            yield f"{indent}{title}:"
            for name in sorted(resources[key]):
                yield f"{indent}  {name}:\t{resources[key][name]}"


def probe_text(probe: JsonObject) -> str:
    """What a probe does and when: `http-get http://:80/ delay=0s timeout=1s period=10s …`."""
    attributes = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s "
        f"period={probe.get('periodSeconds', 10)}s successThreshold={probe.get('successThreshold', 1)} "
        f"failureThreshold={probe.get('failureThreshold', 3)}"
    )
    return f"{_probe_action(probe)} {attributes}"


def _probe_action(probe: JsonObject) -> str:
    if "exec" in probe:
        return f"exec [{' '.join(probe['exec'].get('command', []))}]"
    if "httpGet" in probe:
        get = probe["httpGet"]
        return (
            f"http-get {get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get['port']}{get.get('path', '')}"
        )
    if "tcpSocket" in probe:
        return f"tcp-socket {probe['tcpSocket'].get('host', '')}:{probe['tcpSocket']['port']}"
    if "grpc" in probe:
        return f"grpc <pod>:{probe['grpc']['port']} {probe['grpc'].get('service', '')}"
    return "unknown"


def _environment_from(sources: Sequence[JsonObject]) -> Iterator[str]:
    if sources:
        yield "    Environment Variables from:"
    for source in sources:
        kind, key = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
        reference = source.get(key, {})
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        yield f"      {reference.get('name', '')}\t{kind}{prefix}\tOptional: {_bool(reference.get('optional'))}"


def _environment(pod: JsonObject, container: JsonObject) -> Iterator[str]:
    yield "    Environment:" if container.get("env") else "    Environment:\t<none>"
    for each in container.get("env", []):
        if "valueFrom" in each:
            yield f"      {each['name']}:\t{_value_from(pod, container, each['valueFrom'])}"
            continue
        first, *more = each.get("value", "").split("\n")
        yield f"      {each['name']}:\t{first}"
        for line in more:
            yield f"      \t{line}"


def _value_from(pod: JsonObject, container: JsonObject, source: JsonObject) -> str:
    if "fieldRef" in source:
        reference = source["fieldRef"]
        value = field_value(pod, reference["fieldPath"])
        return f"{value} ({reference.get('apiVersion', 'v1')}:{reference['fieldPath']})"
    if "resourceFieldRef" in source:
        reference = source["resourceFieldRef"]
        return f"{resource_value(container, reference)} ({reference['resource']})"
    if "secretKeyRef" in source:
        reference, words = source["secretKeyRef"], "in secret"
    else:
        reference, words = source.get("configMapKeyRef", {}), "of config map"
    optional = _bool(reference.get("optional"))
    return f"<set to the key '{reference.get('key')}' {words} '{reference.get('name', '')}'>\tOptional: {optional}"


def _mounts(container: JsonObject) -> Iterator[str]:
    mounts = sorted(container.get("volumeMounts", []), key=lambda mount: str(mount["mountPath"]))
    yield "    Mounts:" if mounts else "    Mounts:\t<none>"
    for mount in mounts:
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        yield f"      {mount['mountPath']} from {mount['name']} ({flags})"


def _bool(value: object) -> str:
    return "true" if value else "false"
