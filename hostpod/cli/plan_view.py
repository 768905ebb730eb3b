"""What would become of pods, for people: a headline each, what follows, and the difference of the manifests. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from hostpod.cli.table import printable

JsonObject = Mapping[str, Any]


class _Head(NamedTuple):
    """What would be; what is or is to be as the manifests are; and the colour of both."""

    would: str
    now: str
    colour: str | None


_HEADS = {
    "start": _Head("would start", "to start", "green"),
    "wait": _Head("would wait", "waiting", "yellow"),
    "change": _Head("would change in place", "to change in place", "cyan"),
    "replace": _Head("would be replaced", "to be replaced", "magenta"),
    "end": _Head("would end", "to end", "red"),
    "refuse": _Head("would be refused", "refused", "red"),
}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_NOWHERE = "/dev/null"


def plan_lines(pods: Sequence[JsonObject], *, proposed: bool, also: Sequence[str]) -> Iterator[str]:
    """Of each pod that is affected, and of those of the files `also`; in the end how many of each kind there are."""
    for pod in pods:
        if pod["outcome"] != "none" or pod["file"] in also:
            yield from _pod_lines(pod, proposed=proposed)
    counts = Counter(pod["outcome"] for pod in pods)
    told = [
        f"{counts[outcome]} {head.would if proposed else head.now}"
        for outcome, head in _HEADS.items()
        if counts[outcome]
    ]
    if counts["none"]:
        told.append(f"{counts['none']} unchanged")
    yield f"Pods: {', '.join(told) or 'none'}"


def _pod_lines(pod: JsonObject, *, proposed: bool) -> Iterator[str]:
    name = f"pod {pod['namespace']}/{pod['name']}"
    head = _HEADS.get(pod["outcome"])
    if head is None:
        yield click.style(f"{name} is as it should be", bold=True)
        return
    words = head.would if proposed else f"is {head.now}"
    yield click.style(f"{name} {words}", fg=head.colour, bold=True) + f": {printable(', '.join(pod['reasons']))}"
    yield from (f"  {printable(step)}" for step in pod["steps"])
    yield from (_coloured(line) for line in diff_lines(pod))
    yield ""


def diff_lines(pod: JsonObject) -> Iterator[str]:
    """A unified diff from the pod that is here to the one that is wished."""
    before, after = (_yaml(pod[side]) if pod[side] else [] for side in ("before", "after"))
    name = f"{pod['namespace']}/{pod['name']}"
    old, new = name if before else _NOWHERE, pod["file"] if after else _NOWHERE
    return difflib.unified_diff(before, after, old, printable(new), lineterm="")


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---")):
        return click.style(line, bold=True)
    colour = _COLOURS.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _yaml(manifest: JsonObject) -> list[str]:
    """Lines in the order of the manifest, texts of several lines as such."""
    import yaml  # noqa: PLC0415 - 20 ms, only where something differs

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(manifest, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
    return written.splitlines()
