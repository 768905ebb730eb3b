"""What is kept from pods: what they may not request, and what must be left of it."""

from __future__ import annotations

from pydantic import Field

from hostpod.config.amounts import Amount, Left, Share, Threshold
from hostpod.config.kinds import LIVE, Seconds, Section
from hostpod.kube.quantity import Quantity


class ReservedConfig(Section):
    """What of this host is not for pods: they cannot request it (docs/pressure.md)."""

    cpu: Amount = Field(Quantity.parse("0"), description="Cores that stay for all else.", json_schema_extra=LIVE)
    memory: Amount = Field(
        Quantity.parse("0"),
        description="Memory that stays for all else, beside eviction.memoryAvailable.",
        json_schema_extra=LIVE,
    )


class EvictionConfig(Section):
    """When pods are ended because this host runs short (docs/pressure.md); 0 is never."""

    memory_available: Left = Field(
        Threshold.parse("100Mi"), description="Memory that must be left.", json_schema_extra=LIVE
    )
    nodefs_available: Left = Field(
        Threshold.parse("10%"),
        description="What must be left on the file systems of directories.state and directories.logs.",
        json_schema_extra=LIVE,
    )
    nodefs_inodes_free: Left = Field(
        Threshold.parse("5%"), description="Inodes that must be left there.", json_schema_extra=LIVE
    )
    imagefs_available: Left = Field(
        Threshold.parse("15%"),
        description="What must be left on the file system of images, which is that of directories.state as a rule.",
        json_schema_extra=LIVE,
    )
    imagefs_inodes_free: Left = Field(
        Threshold.parse("5%"), description="Inodes that must be left there.", json_schema_extra=LIVE
    )
    pid_available: Left = Field(
        Threshold.parse("2%"), description="Processes and threads that can still be made.", json_schema_extra=LIVE
    )
    minimum_reclaim: Share = Field(
        Threshold.parse("0%"),
        description="How much more than that must be left, of all there is, once it was short.",
        json_schema_extra=LIVE,
    )
    transition_period_s: Seconds = Field(
        300.0,
        ge=0,
        le=86400,
        alias="transitionPeriod",
        description="How long after it was short no new pod comes, and none that was evicted comes again.",
        json_schema_extra=LIVE,
    )
    storage_interval_s: Seconds = Field(
        10.0,
        ge=1,
        le=3600,
        alias="storageInterval",
        description="How often it is measured what pods with a limit of ephemeral-storage have on disk; less often "
        "where that takes more than a twentieth of the time.",
        json_schema_extra=LIVE,
    )
