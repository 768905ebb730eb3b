"""docs/fields.md from the declaration in support.py: `python -m hostpod.manifest.fields > docs/fields.md`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from hostpod.kube import KubeModel, Pod
from hostpod.manifest.shapes import fields_of
from hostpod.manifest.support import SUPPORT, Level, Support

_HEAD = """\
# Fields of a pod, and what hostpod does with them

Made from `hostpod/manifest/support.py` by `python -m hostpod.manifest.fields > docs/fields.md`; a test holds both
together. No field is ignored in silence:

- **works**: does what Kubernetes says.
- **meaningless**: accepted, and without an effect on one host; `hostpod validate -v` lists such fields of a manifest.
- **not supported**: an error that names the field and its line.

A level counts for everything below its field. An empty list or object of fields, and a zero that Kubernetes cannot tell
from an absent field (`tty: false`), are as good as not there and never an error.
"""


class Row(NamedTuple):
    """One field: its path in a manifest, its level and what there is to say about it."""

    path: str
    level: Level
    note: str


def rows(model: type[KubeModel] = Pod, path: str = "") -> Iterator[Row]:
    """Every field that has a level of its own."""
    for name, shape in sorted(fields_of(model).items()):
        support = SUPPORT[model][name]
        at = f"{path}.{name}" if path else name
        listed = shape.item if shape.kind == "list" else None
        below = listed.model if listed else shape.model
        if support.level == "works" and below is not None:
            yield from rows(below, f"{at}[]" if listed else at)
        elif support.for_keys:
            named = {f"{prefix}*": support.of_key(prefix) for prefix in support.refused}
            yield from (_row(f"{at}[{key}]", of_key) for key, of_key in sorted(named.items()))
            yield Row(f"{at}[*]", support.of_key("*").level, "all other names")
        else:
            yield _row(f"{at}[]" if listed else at, support)


def page() -> str:
    """The whole page in Markdown."""
    all_rows = list(rows())
    counts = Counter(row.level for row in all_rows)
    told = ", ".join(f"{counts[level]} {level}" for level in ("works", "meaningless", "not supported"))
    table = [f"| `{row.path}` | {row.level} | {row.note} |" for row in all_rows]
    return "\n".join([_HEAD, f"{len(all_rows)} fields: {told}.\n", "| field | level | |", "|---|---|---|", *table, ""])


def _row(path: str, support: Support) -> Row:
    values = ", ".join(f"`{_written(value)}`" for value in support.values)
    notes = ([f"only {values}"] if values else []) + ([support.note] if support.note not in ("", "remove it") else [])
    return Row(path, support.level, "; ".join(notes))


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


if __name__ == "__main__":
    sys.stdout.write(page())
