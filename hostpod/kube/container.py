"""Containers, their ports and restart rules."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.env import EnvFromSource, EnvVar
from hostpod.kube.model import Int32, Items, KubeModel, Strings
from hostpod.kube.probe import Lifecycle, Probe
from hostpod.kube.resources import ContainerResizePolicy, ResourceRequirements
from hostpod.kube.security import SecurityContext
from hostpod.kube.volume import VolumeDevice, VolumeMount


class ContainerPort(KubeModel):
    """A port that a container listens on."""

    name: str | None = None
    host_port: Int32 | None = Field(default=None, alias="hostPort")
    container_port: Int32 = Field(alias="containerPort")
    protocol: str | None = None
    host_ip: str | None = Field(default=None, alias="hostIP")


class ContainerRestartRuleOnExitCodes(KubeModel):
    """Exit codes that a restart rule is about."""

    operator: str
    values: Items[Int32] = ()


class ContainerRestartRule(KubeModel):
    """What to do after certain exit codes."""

    action: str
    exit_codes: ContainerRestartRuleOnExitCodes | None = Field(default=None, alias="exitCodes")


class ContainerFields(KubeModel):
    """What all kinds of containers have."""

    printed_zeros = frozenset({"restart_policy"})

    name: str
    image: str | None = None
    command: Strings = ()
    args: Strings = ()
    working_dir: str | None = Field(default=None, alias="workingDir")
    ports: Items[ContainerPort] = ()
    env_from: Items[EnvFromSource] = Field(default=(), alias="envFrom")
    env: Items[EnvVar] = ()
    resources: ResourceRequirements = Field(default_factory=ResourceRequirements)
    resize_policy: Items[ContainerResizePolicy] = Field(default=(), alias="resizePolicy")
    restart_policy: str | None = Field(default=None, alias="restartPolicy")
    restart_policy_rules: Items[ContainerRestartRule] = Field(default=(), alias="restartPolicyRules")
    volume_mounts: Items[VolumeMount] = Field(default=(), alias="volumeMounts")
    volume_devices: Items[VolumeDevice] = Field(default=(), alias="volumeDevices")
    liveness_probe: Probe | None = Field(default=None, alias="livenessProbe")
    readiness_probe: Probe | None = Field(default=None, alias="readinessProbe")
    startup_probe: Probe | None = Field(default=None, alias="startupProbe")
    lifecycle: Lifecycle | None = None
    termination_message_path: str | None = Field(default=None, alias="terminationMessagePath")
    termination_message_policy: str | None = Field(default=None, alias="terminationMessagePolicy")
    image_pull_policy: str | None = Field(default=None, alias="imagePullPolicy")
    security_context: SecurityContext | None = Field(default=None, alias="securityContext")
    stdin: bool | None = None
    stdin_once: bool | None = Field(default=None, alias="stdinOnce")
    tty: bool | None = None


class Container(ContainerFields):
    """A container of a pod, also an init container."""


class EphemeralContainer(ContainerFields):
    """A container that is added to a running pod to look around."""

    target_container_name: str | None = Field(default=None, alias="targetContainerName")
