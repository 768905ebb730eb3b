"""Devices of this host that pods may ask for by name, and what memory containers have beside their limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from hostpod.config.kinds import LIVE, AbsolutePath, Section, one_at_least

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
RESOURCE = rf"^{_LABEL}(\.{_LABEL})+/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$"


class DeviceConfig(Section):
    """What a container finds in /dev that asks for `resource`."""

    resource: Annotated[str, StringConstraints(pattern=RESOURCE, max_length=253)] = Field(
        description="Name that pods ask by in limits, with a domain: example.com/serial.", json_schema_extra=LIVE
    )
    paths: Annotated[tuple[AbsolutePath, ...], AfterValidator(one_at_least)] = Field(
        description="Device nodes of the host; each is at the same place in the container. A link stands for what it "
        "leads to.",
        json_schema_extra=LIVE,
    )
    permissions: Annotated[str, StringConstraints(pattern=r"^(r?w?m?)$", min_length=1)] = Field(
        "rw", description="What may be done with them: r read, w write, m make the node.", json_schema_extra=LIVE
    )
    count: int = Field(
        1, ge=1, le=1_000_000, description="How many may be asked for by all pods together.", json_schema_extra=LIVE
    )


class MemoryQosConfig(Section):
    """Slowing down what comes near its memory limit, on control groups v2 (memory.high)."""

    enabled: bool = Field(
        default=False, description="Set memory.high of containers that are started from now on.", json_schema_extra=LIVE
    )
    throttling_factor: float = Field(
        0.9,
        ge=0.01,
        le=1,
        description="Where that is between the request (0) and the limit (1); without a limit, what this host has "
        "for pods.",
        json_schema_extra=LIVE,
    )


class MemorySwapConfig(Section):
    """Swap of containers, on control groups v2."""

    swap_behavior: Literal["NoSwap", "LimitedSwap"] = Field(
        "NoSwap",
        description="NoSwap: none. LimitedSwap: containers of Burstable pods may have the share of the host's swap "
        "that they request of its memory. It is of containers that are started from now on.",
        json_schema_extra=LIVE,
    )
