"""What tells one instance of hostpod from another on the same host."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass

_SUBNETS = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Everything that an instance makes outside its directories carries one of these."""

    bridge: str
    link_prefix: str
    table: str
    cgroup_root: str
    subnet: str

    @classmethod
    def fresh(cls) -> Names:
        """Names that nothing else on this host has."""
        token = secrets.token_hex(2)
        return cls(
            bridge=f"hpt{token}",
            link_prefix=f"t{token}",
            table=f"hostpod_test_{token}",
            cgroup_root=f"hostpod-test-{token}",
            subnet=f"10.{200 + next(_SUBNETS) % 50}.0.0/16",
        )
