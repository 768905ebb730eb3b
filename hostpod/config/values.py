"""The settings as values: every one with its default, unit and range.

docs/settings.md and examples/hostpod.yaml are made from this file by `python -m hostpod.config`.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hostpod.config import names
from hostpod.config.devices import DeviceConfig, MemoryQosConfig, MemorySwapConfig
from hostpod.config.images import ImagesConfig
from hostpod.config.kinds import LIVE, AbsolutePath, Address, Seconds, Section, Subnet, Subnet6, WebAddress
from hostpod.config.pod_security import PodSecurityConfig
from hostpod.config.pressure import EvictionConfig, ReservedConfig
from hostpod.config.security import SecurityConfig, ServiceAccountsConfig, UserNamespacesConfig

DEFAULT_PATH = Path("/etc/hostpod/hostpod.yaml")

# RFC 8200: a link with a smaller MTU carries no IPv6.
LEAST_MTU6 = 1280

# What the package's socket units open, systemd opens, and hostpod cannot change it.
_MASK = "The service has it from systemd: for another, first systemctl mask --now {unit}."


class ManifestConfig(Section):
    """Where manifests come from."""

    directory: AbsolutePath = Field(
        Path("/etc/hostpod/manifests"), description="Directory that is watched for manifests."
    )
    directories: tuple[AbsolutePath, ...] = Field(
        (),
        description="More such directories. Of two pods of one name the one of the directory that is named first runs "
        "(docs/sources.md).",
    )
    url: WebAddress | None = Field(
        None, repr=False, description="Where manifests are fetched from as well; it comes after all directories."
    )
    url_interval_s: Seconds = Field(
        20.0,
        ge=1,
        le=86400,
        alias="urlInterval",
        description="How often the URL is asked.",
        json_schema_extra=LIVE,
    )
    url_timeout_s: Seconds = Field(
        10.0,
        ge=1,
        le=600,
        alias="urlTimeout",
        description="Longest answer of the URL, from the first question to the last byte.",
        json_schema_extra=LIVE,
    )
    url_headers_file: AbsolutePath | None = Field(
        None,
        alias="urlHeadersFile",
        description="Headers that are sent to the URL, `Name: value` one a line; read anew at each question.",
    )
    url_ca_file: AbsolutePath | None = Field(
        None,
        alias="urlCaFile",
        description="Certificates (PEM) that the URL's server is trusted by; unset: the host's own.",
    )
    rescan_interval_s: Seconds = Field(
        20.0,
        ge=1,
        le=3600,
        alias="rescanInterval",
        description="Full rescan beside inotify, as a safety net.",
        json_schema_extra=LIVE,
    )
    settle_s: Seconds = Field(
        1.0,
        ge=0,
        le=10,
        alias="settle",
        description="How long a manifest that is open for writing may rest before it is read all the same.",
        json_schema_extra=LIVE,
    )
    max_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1024,
        le=1 << 30,
        description="Largest manifest file that is read, and largest answer of the URL, bytes.",
        json_schema_extra=LIVE,
    )

    @property
    def all_directories(self) -> tuple[Path, ...]:
        """In the order in which they count."""
        return (self.directory, *self.directories)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        for number, directory in enumerate(self.directories):
            if directory in (self.directory, *self.directories[:number]):
                raise ValueError(f"directories: {directory} is named twice, by directory or here; keep one")
        if self.url is None and (self.url_headers_file or self.url_ca_file):
            raise ValueError("urlHeadersFile and urlCaFile are of no use without url: set it, or remove them")
        if self.url_ca_file and not (self.url or "").startswith("https:"):
            raise ValueError("urlCaFile is of no use with an http:// address: write https://, or remove it")
        return self


class DirectoriesConfig(Section):
    """Where hostpod keeps what it owns. What is there stays there: `hostpod drain` before they change."""

    state: AbsolutePath = Field(
        Path("/var/lib/hostpod"), description="Images, layers, volumes, writable layers, events."
    )
    runtime: AbsolutePath = Field(
        Path("/run/hostpod"),
        description="Pods, namespaces, leases, runc's state: must be emptied by a reboot.",
    )
    logs: AbsolutePath = Field(Path("/var/log/pods"), description="Container logs in CRI format.")
    log_links: AbsolutePath = Field(Path("/var/log/containers"), description="Links to the logs, one a container.")
    claims: AbsolutePath | None = Field(
        None,
        description="Storage that pods claim (persistentVolumeClaim), NAMESPACE/CLAIM; hostpod removes nothing of it. "
        "Unset: claims in directories.state.",
    )


class HttpConfig(Section):
    """The kubelet's read-only port."""

    address: Address = Field(
        "127.0.0.1",
        description=f"Address the read-only port listens on. {_MASK.format(unit='hostpod-readonly.socket')}",
    )
    read_only_port: int = Field(
        10255,
        ge=0,
        le=65535,
        description="/healthz, /pods, /spec, public keys of tokens; 0 turns the port off. "
        f"{_MASK.format(unit='hostpod-readonly.socket')}",
    )


class SocketConfig(Section):
    """The UNIX socket that the hostpod command speaks to."""

    path: AbsolutePath = Field(
        Path("/run/hostpod/hostpod.sock"), description=f"The socket's path. {_MASK.format(unit='hostpod.socket')}"
    )
    group: str = Field(
        "hostpod",
        description="Group that may use it (mode 0660); root alone where there is no such group. "
        f"{_MASK.format(unit='hostpod.socket')}",
    )


class NetworkConfig(Section):
    """The pod network. bridge, subnet, table and linkPrefix are an instance's own: `hostpod drain` before a change."""

    bridge: Annotated[str, AfterValidator(names.bridge)] = Field(
        "hostpod0", description="Bridge that pods are joined to."
    )
    subnet: Subnet = Field("10.85.0.0/16", description="IPv4 subnet of the pods; its first address is the bridge's.")
    subnet6: Subnet6 | None = Field(
        None,
        description="IPv6 subnet of the pods, for an address beside the IPv4 one; its first address is the bridge's. "
        "unset: IPv4 alone. Pods that run keep what they have (docs/inside.md).",
    )
    table: str = Field(
        "hostpod", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$", description="nftables table of hostpod's own."
    )
    link_prefix: str = Field("hp", pattern=r"^[a-z][a-z0-9]{0,4}$", description="Beginning of the host's veth names.")
    mtu: int = Field(0, ge=0, le=65535, description="MTU of the pods' links; 0 takes the uplink's.")
    masquerade: bool = Field(True, description="Translate what leaves the bridge to the host's address.")
    masquerade6: bool = Field(
        True, description="The same for IPv6: false where subnet6 is routed to this host from outside."
    )
    isolation: Literal["none", "pods", "host", "all"] = Field(
        "none",
        description="What pods are kept from: other pods, the host itself, or both (all). The host reaches them in any "
        "case, and everybody their host ports.",
    )

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.subnet6 is None:
            return self
        if IPv6Network(self.subnet6).num_addresses < IPv4Network(self.subnet).num_addresses:
            raise ValueError(
                f"subnet6 {self.subnet6} has fewer addresses than subnet {self.subnet}: choose a wider one"
            )
        if 0 < self.mtu < LEAST_MTU6:
            raise ValueError(f"mtu {self.mtu} is too small for subnet6: IPv6 needs {LEAST_MTU6}")
        return self


class CgroupConfig(Section):
    """The cgroup tree."""

    root: str = Field("hostpod", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Name of hostpod's root cgroup.")
    driver: Literal["auto", "systemd", "cgroupfs"] = Field(
        "auto",
        description="Who makes the cgroups: systemd, as slices and scopes, or hostpod. auto: systemd where it runs.",
    )
    pids_limit: int = Field(0, ge=0, description="Most processes of one pod; 0: no limit.")


class BinariesConfig(Section):
    """Programs that hostpod calls: a name is looked up in PATH."""

    runc: str = Field("runc", description="OCI runtime.")
    conmon: str = Field("conmon", description="Container monitor.")
    catatonit: str = Field("catatonit", description="The pause process (static binary).")
    skopeo: str = Field("skopeo", description="Fetches images.")
    tar2sqfs: str = Field("tar2sqfs", alias="tar2sqfs", description="Builds squashfs layers (squashfs-tools-ng).")
    apparmor_parser: str = Field(
        "apparmor_parser", alias="apparmorParser", description="Loads hostpod's profile, where the host has AppArmor."
    )


class LoggingConfig(Section):
    """What containers write, beside the files below directories.logs."""

    journal: Literal["auto", True, False] = Field(
        "auto",
        description="Each line to the journal too (docs/journal.md); auto: where journald runs. A container that runs "
        "keeps what it was started with.",
        json_schema_extra=LIVE,
    )


class BackoffConfig(Section):
    """Waiting between restarts and between pulls."""

    initial_s: Seconds = Field(
        10.0,
        ge=0.001,
        le=3600,
        alias="initial",
        description="Wait before the first repeat.",
        json_schema_extra=LIVE,
    )
    max_s: Seconds = Field(
        300.0,
        ge=0.001,
        le=86400,
        alias="max",
        description="Longest wait; each is twice the one before.",
        json_schema_extra=LIVE,
    )
    reset_s: Seconds = Field(
        600.0,
        ge=0.001,
        le=86400,
        alias="reset",
        description="A container that ran this long starts again at initial.",
        json_schema_extra=LIVE,
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_s < self.initial_s:
            raise ValueError(f"max ({self.max_s:g}s) is less than initial ({self.initial_s:g}s)")
        return self


class EventsConfig(Section):
    """What happened, as `hostpod events` shows it. The journal has it as well, for as long as it keeps it."""

    max_age_s: Seconds = Field(
        86400.0,
        ge=60,
        le=2592000,
        alias="maxAge",
        description="An event that did not come again for this long is forgotten.",
    )
    max_bytes: int = Field(
        2 * 1024 * 1024,
        ge=65536,
        le=64 * 1024 * 1024,
        description="Most room that events take in the state directory, bytes. A third of it is what is shown, some "
        "1700 events, and the rest is for writing them anew. The oldest are forgotten first.",
    )


class Config(Section):
    """All settings."""

    node_name: Annotated[str, AfterValidator(names.node_name)] = Field(
        default_factory=names.own_node_name,
        description="Node name; default: the host name, in lower case and with - for what no node name can have.",
    )
    pod_name_suffix: bool = Field(
        True, description="Append -<nodeName> to pod names, as the kubelet does for static pods."
    )
    max_pods: int = Field(110, ge=1, le=10000, description="Most pods that are run.", json_schema_extra=LIVE)
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is written to the journal.", json_schema_extra=LIVE
    )
    stop_pods_on_exit: bool = Field(
        False,
        description="End all pods, in order of their priority, before the daemon ends; else they go on without it.",
        json_schema_extra=LIVE,
    )
    shutdown_grace_period_s: Seconds = Field(
        30.0,
        ge=0,
        le=86400,
        alias="shutdownGracePeriod",
        description="How long a shutdown of the host is held up so that pods can end; 0: not at all, and then the "
        "next one does not count.",
        json_schema_extra=LIVE,
    )
    shutdown_grace_period_critical_pods_s: Seconds = Field(
        10.0,
        ge=0,
        le=86400,
        alias="shutdownGracePeriodCriticalPods",
        description="The part of it that is kept for pods with a priority of 2000000000 or more, which end last. "
        "It must be less than the whole: the rest is what all other pods have.",
        json_schema_extra=LIVE,
    )
    devices: tuple[DeviceConfig, ...] = Field(
        (),
        description="Devices of this host that pods may ask for by the name of a resource (docs/inside.md).",
        json_schema_extra=LIVE,
    )
    manifests: ManifestConfig = ManifestConfig()
    directories: DirectoriesConfig = DirectoriesConfig()
    http: HttpConfig = HttpConfig()
    socket: SocketConfig = SocketConfig()
    network: NetworkConfig = NetworkConfig()
    images: ImagesConfig = ImagesConfig()
    cgroups: CgroupConfig = CgroupConfig()
    security: SecurityConfig = SecurityConfig()
    service_accounts: ServiceAccountsConfig = ServiceAccountsConfig()
    pod_security: PodSecurityConfig = PodSecurityConfig()
    user_namespaces: UserNamespacesConfig = UserNamespacesConfig()
    binaries: BinariesConfig = BinariesConfig()
    logging: LoggingConfig = LoggingConfig()
    backoff: BackoffConfig = BackoffConfig()
    events: EventsConfig = EventsConfig()
    reserved: ReservedConfig = ReservedConfig()
    eviction: EvictionConfig = EvictionConfig()
    memory_qos: MemoryQosConfig = MemoryQosConfig()
    memory_swap: MemorySwapConfig = MemorySwapConfig()

    @property
    def token_issuer(self) -> str:
        """In whose name tokens are made."""
        return self.service_accounts.issuer or f"https://{self.node_name}"

    @model_validator(mode="after")
    def _all_pods_have_time(self) -> Self:
        total_s, critical_s = self.shutdown_grace_period_s, self.shutdown_grace_period_critical_pods_s
        if 0 < total_s <= critical_s:
            raise ValueError(
                f"shutdownGracePeriodCriticalPods ({critical_s:g}s) must be less than shutdownGracePeriod "
                f"({total_s:g}s): the rest is what all other pods have; set both"
            )
        return self

    @model_validator(mode="after")
    def _one_device_a_name(self) -> Self:
        names = [device.resource for device in self.devices]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"devices: {name} is named twice; write all of its paths in one place, or take two names"
                )
        return self
