"""What a reload makes of new settings: those that can change while the daemon runs do, the others stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from hostpod.config.ranges import Keys, is_live, settings
from hostpod.config.values import Config


@dataclass(frozen=True, kw_only=True, slots=True)
class Reloaded:
    """The settings that hold from now on; what changed, in words; and the keys that only a restart can change."""

    config: Config
    changed: tuple[str, ...]
    need_restart: tuple[str, ...]


def reloaded(held: Config, read: Config) -> Reloaded:
    """The settings that hold, after the file was read anew."""
    before, after = _plain(held), _plain(read)
    merged, changed, need_restart = held.model_dump(by_alias=True), [], []
    for keys, field in settings():
        old, new = _at(before, keys), _at(after, keys)
        if old == new:
            continue
        if is_live(field):
            _at(merged, keys[:-1])[keys[-1]] = _at(read.model_dump(by_alias=True), keys)
            changed.append(f"{'.'.join(keys)} {_text(old)} → {_text(new)}")
        else:
            need_restart.append(".".join(keys))
    return Reloaded(config=Config.model_validate(merged), changed=tuple(changed), need_restart=tuple(need_restart))


def _plain(config: Config) -> Mapping[str, Any]:
    """As it is written in the file."""
    return config.model_dump(mode="json", by_alias=True)


def _at(values: Mapping[str, Any], keys: Keys) -> Any:
    return reduce(lambda value, key: value[key], keys, values)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
