"""Settings of what keeps containers and the host apart, and of who pods are to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from hostpod.config.kinds import LIVE, AbsolutePath, Issuer, Section


class UserNamespacesConfig(Section):
    """Ids of the host for pods with `hostUsers: false`: 65536 for each, from which nobody else has any."""

    first_id: int = Field(
        0x7000_0000,
        ge=65536,
        le=0xFFFF_0000 - 1,
        alias="firstID",
        description="The first of these ids. What /etc/subuid and /etc/subgid give to users is left out. Pods that are "
        "here keep what they have.",
        json_schema_extra=LIVE,
    )
    pods: int = Field(
        1024, ge=1, le=65535, description="How many such pods there may be at once.", json_schema_extra=LIVE
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.first_id + self.pods * 65536 > 0xFFFF_0000:
            raise ValueError(f"pods ({self.pods}) is too many: their ids would go past the last one, 4294901759")
        return self


class SecurityConfig(Section):
    """What pods may do."""

    seccomp_default: bool = Field(
        True,
        description="Containers whose pod names no seccomp profile get RuntimeDefault; false: none.",
        json_schema_extra=LIVE,
    )
    allowed_unsafe_sysctls: tuple[
        Annotated[str, StringConstraints(pattern=r"^(net\.|kernel\.(sem|shm|msg)|fs\.mqueue\.)[a-z0-9_.*]*$")], ...
    ] = Field(
        (),
        description="Kernel parameters that pods may set beside the safe ones, by name or pattern (net.core.*); only "
        "those that a pod has of its own.",
        json_schema_extra=LIVE,
    )
    seccomp_profiles: AbsolutePath = Field(
        Path("/var/lib/hostpod/seccomp"),
        description="Directory of the profiles that pods name by localhostProfile.",
        json_schema_extra=LIVE,
    )


class ServiceAccountsConfig(Section):
    """Tokens that pods ask for (projected.sources[].serviceAccountToken)."""

    issuer: Issuer | None = Field(
        None,
        description="In whose name tokens are made, and below which verifiers look for the public keys; unset: "
        "https://NODENAME. With another all tokens are made anew.",
    )
