"""Users, capabilities and confinement of pods and containers."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import Int64, Items, KubeModel, Strings


class Capabilities(KubeModel):
    """Linux capabilities, without the CAP_ prefix."""

    add: Strings = ()
    drop: Strings = ()


class SELinuxOptions(KubeModel):
    """The SELinux label of a process."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class SeccompProfile(KubeModel):
    """RuntimeDefault, Unconfined, or Localhost with a file."""

    printed_zeros = frozenset({"localhost_profile"})

    type: str
    localhost_profile: str | None = Field(default=None, alias="localhostProfile")


class AppArmorProfile(KubeModel):
    """RuntimeDefault, Unconfined, or Localhost with a profile."""

    printed_zeros = frozenset({"localhost_profile"})

    type: str
    localhost_profile: str | None = Field(default=None, alias="localhostProfile")


class WindowsSecurityContextOptions(KubeModel):
    """Settings of Windows containers."""

    printed_zeros = frozenset({"gmsa_credential_spec_name", "gmsa_credential_spec", "run_as_user_name", "host_process"})

    gmsa_credential_spec: str | None = Field(default=None, alias="gmsaCredentialSpec")
    gmsa_credential_spec_name: str | None = Field(default=None, alias="gmsaCredentialSpecName")
    host_process: bool | None = Field(default=None, alias="hostProcess")
    run_as_user_name: str | None = Field(default=None, alias="runAsUserName")


class SecurityContext(KubeModel):
    """User and confinement of one container."""

    printed_zeros = frozenset(
        {
            "privileged",
            "run_as_user",
            "run_as_group",
            "run_as_non_root",
            "read_only_root_filesystem",
            "allow_privilege_escalation",
            "proc_mount",
        }
    )

    allow_privilege_escalation: bool | None = Field(default=None, alias="allowPrivilegeEscalation")
    app_armor_profile: AppArmorProfile | None = Field(default=None, alias="appArmorProfile")
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    proc_mount: str | None = Field(default=None, alias="procMount")
    read_only_root_filesystem: bool | None = Field(default=None, alias="readOnlyRootFilesystem")
    run_as_group: Int64 | None = Field(default=None, alias="runAsGroup")
    run_as_non_root: bool | None = Field(default=None, alias="runAsNonRoot")
    run_as_user: Int64 | None = Field(default=None, alias="runAsUser")
    se_linux_options: SELinuxOptions | None = Field(default=None, alias="seLinuxOptions")
    seccomp_profile: SeccompProfile | None = Field(default=None, alias="seccompProfile")
    windows_options: WindowsSecurityContextOptions | None = Field(default=None, alias="windowsOptions")


class Sysctl(KubeModel):
    """A kernel parameter of the pod's namespaces."""

    name: str
    value: str


class PodSecurityContext(KubeModel):
    """User and confinement of all containers of a pod."""

    printed_zeros = frozenset(
        {
            "run_as_user",
            "run_as_group",
            "run_as_non_root",
            "fs_group",
            "fs_group_change_policy",
            "supplemental_groups_policy",
            "se_linux_change_policy",
        }
    )

    app_armor_profile: AppArmorProfile | None = Field(default=None, alias="appArmorProfile")
    fs_group: Int64 | None = Field(default=None, alias="fsGroup")
    fs_group_change_policy: str | None = Field(default=None, alias="fsGroupChangePolicy")
    run_as_group: Int64 | None = Field(default=None, alias="runAsGroup")
    run_as_non_root: bool | None = Field(default=None, alias="runAsNonRoot")
    run_as_user: Int64 | None = Field(default=None, alias="runAsUser")
    se_linux_change_policy: str | None = Field(default=None, alias="seLinuxChangePolicy")
    se_linux_options: SELinuxOptions | None = Field(default=None, alias="seLinuxOptions")
    seccomp_profile: SeccompProfile | None = Field(default=None, alias="seccompProfile")
    supplemental_groups: Items[Int64] = Field(default=(), alias="supplementalGroups")
    supplemental_groups_policy: str | None = Field(default=None, alias="supplementalGroupsPolicy")
    sysctls: Items[Sysctl] = ()
    windows_options: WindowsSecurityContextOptions | None = Field(default=None, alias="windowsOptions")
