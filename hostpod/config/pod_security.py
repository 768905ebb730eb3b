"""Which of Kubernetes' Pod Security Standards pods must keep, by the source that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from hostpod.config.kinds import LIVE, Section

URL = "url"
"""The name of manifests.url among the sources."""

Level = Literal["privileged", "baseline", "restricted"]


class SourcePodSecurityConfig(Section):
    """The standards of one source; what is not set is that of all sources."""

    enforce: Level | None = None
    warn: Level | None = None


class PodSecurityConfig(Section):
    """Kubernetes' Pod Security Standards, which pods must keep (docs/inside.md)."""

    enforce: Level = Field(
        "privileged",
        description="Standard that a pod is refused for if it does not keep it.",
        json_schema_extra=LIVE,
    )
    warn: Level = Field(
        "privileged",
        description="Standard that is only warned of.",
        json_schema_extra=LIVE,
    )
    sources: Mapping[str, SourcePodSecurityConfig] = Field(
        {},
        description="Other standards for single sources, by directory, or url: "
        "{/srv/pods: {enforce: restricted}, url: {warn: baseline}}.",
        json_schema_extra=LIVE,
    )

    def of_source(self, source: str) -> tuple[Level, Level]:
        """What is enforced and what is warned of, of a directory of manifests or `url`."""
        own = self.sources.get(source, SourcePodSecurityConfig())
        return own.enforce or self.enforce, own.warn or self.warn
