"""The ConfigMaps and Secrets that manifests say now, for pods that name them."""

from __future__ import annotations

import logging

from hostpod.kube import ConfigMap, Secret
from hostpod.kube.config import ConfigKey, Configs

log = logging.getLogger(__name__)


class ConfigBook:
    """Replaced as a whole; what it held before is not needed any more, but for what is immutable."""

    def __init__(self) -> None:
        self._held: Configs = {}
        self._refused: Configs = {}

    @property
    def held(self) -> Configs:
        """All that there are. Look at it where you need it, and keep no part of it: some of it is secret."""
        return self._held

    def replace(self, configs: Configs) -> frozenset[ConfigKey]:
        """These from now on, but what is immutable stays as it was. Returns those that came, changed or went."""
        before = self._held
        refused = {key: new for key, new in configs.items() if _is_fixed(before.get(key), new)}
        for key in (key for key, new in refused.items() if self._refused.get(key) != new):
            kind, namespace, name = key
            log.warning(
                "%s %s/%s is immutable and stays as it was: write the change under a new name", kind, namespace, name
            )
        self._refused = refused
        self._held = {**configs, **{key: before[key] for key in refused}}
        return frozenset(key for key in {*before, *self._held} if before.get(key) != self._held.get(key))


def _is_fixed(before: ConfigMap | Secret | None, now: ConfigMap | Secret) -> bool:
    """Whether an object may not become another: Kubernetes lets nobody change the contents, or take the mark away."""
    if before is None or not before.immutable:
        return False
    return not now.immutable or now.contents() != before.contents()
