"""/etc/hostpod/hostpod.yaml to Config: read at the start and at each reload, passed as values.

Keys are camelCase in the file. Durations are Go durations as the kubelet writes them (`20s`, `1m30s`, `500ms`) or a
plain number of seconds. An unknown key is refused.
"""

from hostpod.config.devices import DeviceConfig
from hostpod.config.file import ConfigError, load_config, parse_config
from hostpod.config.images import ImagesConfig
from hostpod.config.kinds import AbsolutePath, Seconds, Section, parse_duration
from hostpod.config.pod_security import PodSecurityConfig
from hostpod.config.pressure import EvictionConfig, ReservedConfig
from hostpod.config.security import UserNamespacesConfig
from hostpod.config.values import (
    DEFAULT_PATH,
    LEAST_MTU6,
    BackoffConfig,
    BinariesConfig,
    CgroupConfig,
    Config,
    DirectoriesConfig,
    EventsConfig,
    HttpConfig,
    ManifestConfig,
    NetworkConfig,
    SocketConfig,
)

__all__ = [
    "DEFAULT_PATH",
    "LEAST_MTU6",
    "AbsolutePath",
    "BackoffConfig",
    "BinariesConfig",
    "CgroupConfig",
    "Config",
    "ConfigError",
    "DeviceConfig",
    "DirectoriesConfig",
    "EventsConfig",
    "EvictionConfig",
    "HttpConfig",
    "ImagesConfig",
    "ManifestConfig",
    "NetworkConfig",
    "PodSecurityConfig",
    "ReservedConfig",
    "Seconds",
    "Section",
    "SocketConfig",
    "UserNamespacesConfig",
    "load_config",
    "parse_config",
    "parse_duration",
]
