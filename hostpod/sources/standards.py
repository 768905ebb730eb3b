"""Which Pod Security Standards the pods of a source must keep. Pure."""

from __future__ import annotations

from hostpod.config import PodSecurityConfig
from hostpod.manifest import PodSecurity


def security_of(config: PodSecurityConfig, source: str) -> PodSecurity:
    """The standards of one source, a directory or `url`."""
    enforce, warn = config.of_source(source)
    return PodSecurity(enforce=enforce, warn=warn)
