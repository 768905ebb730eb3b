"""What a setting may be, in words: for messages and for docs/settings.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from hostpod.config import names
from hostpod.config.amounts import Threshold, is_share, not_negative
from hostpod.config.devices import RESOURCE
from hostpod.config.kinds import (
    ISSUER_RANGE,
    LIVE,
    Section,
    absolute_path,
    address,
    issuer,
    one_at_least,
    parse_duration,
    subnet,
    subnet6,
    web_address,
)
from hostpod.config.values import Config

Keys = tuple[str, ...]

_PATTERNS = {
    RESOURCE: "a name with a domain, like example.com/serial",
    r"^(r?w?m?)$": "r, w and m, in this order, one at least",
    r"^[A-Za-z][A-Za-z0-9_]{0,62}$": "a letter, then at most 62 letters, digits or _",
    r"^[a-z][a-z0-9]{0,4}$": "a small letter, then at most 4 small letters or digits",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, and _ . - after the first",
}


def section_of(field: FieldInfo) -> type[Section] | None:
    """The group that a setting is, or None for a single value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def listed_section(field: FieldInfo) -> type[Section] | None:
    """The group that each item of a list is, or None for anything else."""
    kind = next(iter(get_args(field.annotation)), None) if get_origin(field.annotation) is tuple else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def by_key(model: type[Section]) -> dict[str, FieldInfo]:
    """The settings of a group under the keys they have in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def entries_of(field: FieldInfo) -> type[Section] | None:
    """The group that each value of a map of groups is; None for any other setting."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) is Mapping else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def settings(model: type[Section] = Config, above: Keys = ()) -> Iterator[tuple[Keys, FieldInfo]]:
    """Every single value of a group and of the groups below it, in order."""
    for key, field in by_key(model).items():
        section = section_of(field)
        if section is None:
            yield (*above, key), field
        else:
            yield from settings(section, (*above, key))


def is_live(field: FieldInfo) -> bool:
    """Whether a reload is enough for a setting; any other needs a restart."""
    return field.json_schema_extra == LIVE


def is_duration(field: FieldInfo) -> bool:
    """Whether a setting is written as 20s or 1m30s."""
    return parse_duration in _functions(field)


def _functions(field: FieldInfo) -> set[object]:
    """The validating functions of a setting, also of one that may be unset."""
    inner = [constraint for kind in get_args(field.annotation) for constraint in getattr(kind, "__metadata__", ())]
    return {constraint.func for constraint in (*field.metadata, *inner) if hasattr(constraint, "func")}


def duration_text(seconds: float) -> str:
    """Seconds as a person writes them: 0.005 is 5ms, 86400 is 24h."""
    for unit, length_s in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length_s and seconds % length_s == 0 and (unit != "m" or seconds >= 120):
            return f"{seconds / length_s:g}{unit}"
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


def range_of(keys: Keys) -> str:
    """`from 1s to 1h`, `one of auto, squashfs, directory`, or empty where anything of its kind goes."""
    field = _field(keys)
    if field is None:
        return ""
    if choices := _choices(field.annotation):
        return "one of " + ", ".join(_as_written(value) for value in choices)
    limits: dict[str, Any] = {}
    for constraint in field.metadata:
        limits |= {name: getattr(constraint, name) for name in _LIMITS if getattr(constraint, name, None) is not None}
    if "pattern" in limits:
        return _PATTERNS[limits["pattern"]]
    if "min_length" in limits:
        return _length(limits["min_length"], limits.get("max_length"))
    if "ge" in limits:
        show = duration_text if is_duration(field) else str
        return f"from {show(limits['ge'])} to {show(limits['le'])}" if "le" in limits else f"{limits['ge']} or more"
    return next((words for function, words in _FUNCTIONS.items() if function in _functions(field)), "")


def _as_written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _field(keys: Keys, model: type[Section] = Config) -> FieldInfo | None:
    """The setting of these keys, which may be in an item of a list, or in an entry of a map."""
    field = by_key(model).get(keys[0]) if keys else None
    if field is None:
        return None
    section, listed, entry = section_of(field), listed_section(field), entries_of(field)
    if section is not None:
        return _field(keys[1:], section)
    if listed is not None and len(keys) > 1:
        return _field(keys[1:], listed)
    return _field(keys[2:], entry) if entry is not None and len(keys) > 1 else field


def _choices(kind: object) -> tuple[object, ...]:
    """What a setting is one of; of one that may be unset, too."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next((get_args(each) for each in get_args(kind) if get_origin(each) is Literal), ())


_FUNCTIONS = {
    names.node_name: names.NODE_NAME_RANGE,
    names.bridge: names.BRIDGE_RANGE,
    one_at_least: "one at least, absolute",
    absolute_path: "absolute",
    subnet: "IPv4, prefix length from 8 to 29",
    subnet6: "IPv6, prefix length from 64 to 112",
    address: "IPv4 or IPv6",
    web_address: "http:// or https://",
    issuer: ISSUER_RANGE,
    not_negative: "0 or more",
    is_share: "from 0% to 100%",
    Threshold.parse: "0 or more, up to 100%",
}
_LIMITS = ("ge", "le", "pattern", "min_length", "max_length")


def _length(least: int, most: int | None) -> str:
    return f"{least} to {most} characters" if most else f"at least {least} character" + ("s" if least > 1 else "")


_PLAIN: Mapping[object, str] = {bool: "true or false", int: "number", float: "share"}


def unit_of(field: FieldInfo, keys: Keys) -> str:
    """What the value is counted in or what kind of text it is."""
    if is_duration(field):
        return "duration"
    if listed_section(field) is not None:
        return f"list of {keys[-1]}"
    if field.annotation in _PLAIN:
        return "bytes" if keys[-1] in {"maxBytes", "mtu"} else _PLAIN[field.annotation]
    if Threshold.parse in _functions(field):
        return "percentage" if is_share in _functions(field) else "amount or percentage"
    if not_negative in _functions(field):
        return "amount"
    return _kind(field)


def _kind(field: FieldInfo) -> str:
    kind = "path" if absolute_path in _functions(field) else "text"
    if entries_of(field) is not None:
        return "map"
    return f"list of {kind}s" if get_origin(field.annotation) is tuple else kind
