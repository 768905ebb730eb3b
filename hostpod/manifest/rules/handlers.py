"""Rules for probes and lifecycle hooks, and the actions that both are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from hostpod.kube import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    SleepAction,
    TCPSocketAction,
)
from hostpod.manifest.rules.formats import header_name, port_name
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    at_least,
    chosen,
    exactly_one,
    forbidden,
    formatted,
    required,
    within,
)

Action = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction | SleepAction

LAST_PORT = 65535


def probe(path: Path, value: Probe | None, grace_s: int | None) -> Violations:
    """What every probe must be; `grace_s` is the pod's termination grace period."""
    if value is None:
        return
    actions = {"exec": value.exec, "httpGet": value.http_get, "tcpSocket": value.tcp_socket, "grpc": value.grpc}
    yield from _one_action(path, actions, grace_s)
    yield from at_least((*path, "initialDelaySeconds"), value.initial_delay_seconds, 0)
    yield from at_least((*path, "timeoutSeconds"), value.timeout_seconds, 0)
    yield from at_least((*path, "periodSeconds"), value.period_seconds, 0)
    yield from at_least((*path, "successThreshold"), value.success_threshold, 0)
    yield from at_least((*path, "failureThreshold"), value.failure_threshold, 0)
    yield from at_least((*path, "terminationGracePeriodSeconds"), value.termination_grace_period_seconds, 1)


def killing_probe(path: Path, value: Probe | None, grace_s: int | None) -> Violations:
    """A liveness or startup probe: one success is enough, always."""
    yield from probe(path, value, grace_s)
    if value is not None and value.success_threshold not in (None, 0, 1):
        yield Violation(path=(*path, "successThreshold"), message="must be 1, only readiness counts successes")


def readiness_probe(path: Path, value: Probe | None, grace_s: int | None) -> Violations:
    """A readiness probe kills nothing, so it has no grace period."""
    yield from probe(path, value, grace_s)
    if value is not None:
        yield from forbidden(
            (*path, "terminationGracePeriodSeconds"),
            value.termination_grace_period_seconds,
            "must be left away, a readiness probe ends no container",
        )


def lifecycle(path: Path, value: Lifecycle | None, grace_s: int | None) -> Violations:
    """postStart and preStop."""
    if value is None:
        return
    yield from _hook((*path, "postStart"), value.post_start, grace_s)
    yield from _hook((*path, "preStop"), value.pre_stop, grace_s)


def _hook(path: Path, value: LifecycleHandler | None, grace_s: int | None) -> Violations:
    if value is None:
        return
    actions = {"exec": value.exec, "httpGet": value.http_get, "tcpSocket": value.tcp_socket, "sleep": value.sleep}
    yield from _one_action(path, actions, grace_s)


def _one_action(path: Path, actions: Mapping[str, Action | None], grace_s: int | None) -> Violations:
    present = {name: action for name, action in actions.items() if action is not None}
    yield from exactly_one(path, present, actions)
    for name, action in present.items():
        yield from _action((*path, name), action, grace_s)


def _action(path: Path, action: Action, grace_s: int | None) -> Violations:
    match action:
        case ExecAction():
            yield from required((*path, "command"), action.command)
        case HTTPGetAction():
            yield from _http_get(path, action)
        case TCPSocketAction() | GRPCAction():
            yield from port_number_or_name((*path, "port"), action.port)
        case SleepAction():
            yield from _sleep((*path, "seconds"), action.seconds, grace_s)
        case _:
            assert_never(action)


def _http_get(path: Path, action: HTTPGetAction) -> Violations:
    yield from required((*path, "path"), action.path)
    yield from port_number_or_name((*path, "port"), action.port)
    yield from chosen((*path, "scheme"), action.scheme, ("HTTP", "HTTPS"))
    for index, header in enumerate(action.http_headers):
        yield from formatted((*path, "httpHeaders", index, "name"), header.name, header_name)


def _sleep(path: Path, seconds: int, grace_s: int | None) -> Violations:
    """A hook's time comes out of the grace period, so it cannot be longer."""
    if grace_s is not None and not 0 <= seconds <= grace_s:
        yield Violation(
            path=path,
            message=f"{seconds} is out of range, must be between 0 and terminationGracePeriodSeconds ({grace_s})",
        )


def port_number_or_name(path: Path, port: int | str) -> Violations:
    """A port by number, or by the name that a container gave it."""
    if isinstance(port, int):
        yield from within(path, port, 1, LAST_PORT)
    else:
        yield from formatted(path, port, port_name)
