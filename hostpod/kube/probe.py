"""Probes, life-cycle hooks and what both can do."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import Int32, Int64, IntOrString, Items, KubeModel, Strings


class ExecAction(KubeModel):
    """A command inside of the container; exit code 0 is success."""

    command: Strings = ()


class HTTPHeader(KubeModel):
    """One request header."""

    name: str
    value: str


class HTTPGetAction(KubeModel):
    """An HTTP request; 200 to 399 is success."""

    path: str | None = None
    port: IntOrString
    host: str | None = None
    scheme: str | None = None
    http_headers: Items[HTTPHeader] = Field(default=(), alias="httpHeaders")


class TCPSocketAction(KubeModel):
    """A connection to a port; being accepted is success."""

    port: IntOrString
    host: str | None = None


class GRPCAction(KubeModel):
    """A grpc.health.v1 check."""

    printed_zeros = frozenset({"service"})

    port: Int32
    service: str | None = None


class SleepAction(KubeModel):
    """Waiting, in seconds."""

    seconds: Int64


class Probe(KubeModel):
    """A check and its rhythm, in seconds."""

    printed_zeros = frozenset({"termination_grace_period_seconds"})

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = Field(default=None, alias="httpGet")
    tcp_socket: TCPSocketAction | None = Field(default=None, alias="tcpSocket")
    grpc: GRPCAction | None = None
    initial_delay_seconds: Int32 | None = Field(default=None, alias="initialDelaySeconds")
    timeout_seconds: Int32 | None = Field(default=None, alias="timeoutSeconds")
    period_seconds: Int32 | None = Field(default=None, alias="periodSeconds")
    success_threshold: Int32 | None = Field(default=None, alias="successThreshold")
    failure_threshold: Int32 | None = Field(default=None, alias="failureThreshold")
    termination_grace_period_seconds: Int64 | None = Field(default=None, alias="terminationGracePeriodSeconds")


class LifecycleHandler(KubeModel):
    """What a hook does; one of these is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = Field(default=None, alias="httpGet")
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = Field(default=None, alias="tcpSocket")


class Lifecycle(KubeModel):
    """Hooks around the life of a container, and the signal that stops it."""

    printed_zeros = frozenset({"stop_signal"})

    post_start: LifecycleHandler | None = Field(default=None, alias="postStart")
    pre_stop: LifecycleHandler | None = Field(default=None, alias="preStop")
    stop_signal: str | None = Field(default=None, alias="stopSignal")
