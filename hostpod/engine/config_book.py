"""The ConfigMaps and Secrets that manifests say now, for pods that name them."""

from __future__ import annotations

from hostpod.kube.config import ConfigKey, Configs


class ConfigBook:
    """Replaced as a whole; what it held before is not needed any more."""

    def __init__(self) -> None:
        self._held: Configs = {}

    @property
    def held(self) -> Configs:
        """All that there are. Look at it where you need it, and keep no part of it: some of it is secret."""
        return self._held

    def replace(self, configs: Configs) -> frozenset[ConfigKey]:
        """These from now on. Returns those that came, changed or went."""
        before, self._held = self._held, configs
        return frozenset(key for key in {*before, *configs} if before.get(key) != configs.get(key))
