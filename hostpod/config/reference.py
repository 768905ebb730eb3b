"""docs/settings.md, examples/hostpod.yaml and what hostpod.yaml(5) says, made from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hostpod.config.ranges import (
    Keys,
    by_key,
    duration_text,
    is_duration,
    is_live,
    listed_section,
    range_of,
    section_of,
    settings,
    unit_of,
)
from hostpod.config.values import DEFAULT_PATH, Config

_HOST_NAME = "the host name"


def settings_page() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Made by `python -m hostpod.config`; do not edit.",
        "",
        f"hostpod reads `{DEFAULT_PATH}` when it starts (`hostpod serve --config FILE` reads another file). A missing",
        "default file means: everything as below. Unknown keys are refused. Durations are written `20s`, `1m30s`,",
        "`500ms`, or as a number of seconds. `examples/hostpod.yaml` is this page as a file to copy.",
        "",
        "`systemctl reload hostpod` (SIGHUP) reads the file anew. What is marked with ↻ takes effect then; of other",
        "changes the journal says that they need a restart. A file that cannot be used changes nothing.",
        "",
    ]
    for title, rows in groups():
        lines += [f"## {title}", "", "| key | default | unit | range | | |", "|---|---|---|---|---|---|"]
        for row in rows:
            cells = (f"`{row.key}`", _default_cell(row), row.unit, row.range or "any", "↻" if row.live else "")
            lines.append(f"| {' | '.join(cells)} | {row.description} |")
        lines.append("")
    return "\n".join(lines)


def example_file() -> str:
    """The text of examples/hostpod.yaml: every key at its default, commented out."""
    lines = [f"# hostpod's settings, read from {DEFAULT_PATH}.", "# Every key is shown with its default."]
    for key, field in by_key(Config).items():
        section = section_of(field)
        lines.append("")
        if section is None:
            lines += _example((key,), field, indent="")
            continue
        lines += [f"# {(section.__doc__ or '').strip()}", f"#{key}:"]
        for keys, inner in settings(section, (key,)):
            lines += _example(keys, inner, indent="  ")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A setting in words; `default` is as it is written in the file, empty where it is unset."""

    key: str
    default: str
    unit: str
    range: str
    live: bool
    description: str


def groups() -> Iterator[tuple[str, list[Setting]]]:
    """Every setting in its group, under the group's name and what it is about."""
    yield "General", [_setting(keys, field) for keys, field in settings() if len(keys) == 1]
    for key, field in by_key(Config).items():
        section = section_of(field)
        if section is not None:
            title = f"{key}: {(section.__doc__ or '').strip().rstrip('.')}"
            yield title, [_setting(keys, inner) for keys, inner in settings(section, (key,))]
        elif (listed := listed_section(field)) is not None:
            title = f"{key}[]: {(listed.__doc__ or '').strip().rstrip('.')}"
            yield title, [_setting((key, name), inner) for name, inner in by_key(listed).items()]


def _setting(keys: Keys, field: FieldInfo) -> Setting:
    return Setting(
        key=".".join(keys),
        default=_HOST_NAME if field.default_factory is not None else default_text(field),
        unit=unit_of(field, keys),
        range=range_of(keys),
        live=is_live(field),
        description=field.description or "",
    )


def _default_cell(row: Setting) -> str:
    return row.default if row.default == _HOST_NAME else f"`{row.default}`" if row.default else "unset"


def default_text(field: FieldInfo) -> str:
    """A default as it is written in the file; empty where there is none to write."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if is_duration(field):
        return duration_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _example(keys: Keys, field: FieldInfo, *, indent: str) -> Iterator[str]:
    limits = range_of(keys)
    yield f"{'#' if indent else ''}{indent}# {field.description}{f' ({limits})' if limits else ''}"
    unset = "myhost" if field.default is PydanticUndefined else "null"
    yield f"#{indent}{keys[-1]}: {default_text(field) or unset}"


def write(root: Path) -> None:
    """Write both files into a source tree."""
    (root / "docs/settings.md").write_text(settings_page(), encoding="utf-8")
    (root / "examples/hostpod.yaml").write_text(example_file(), encoding="utf-8")
