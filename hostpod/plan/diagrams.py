"""The state diagrams of docs/lifecycle.md, drawn from the tables of stages.py in Mermaid.

`python -m hostpod.plan.diagrams` takes the page from stdin and writes it with its diagrams drawn anew to stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from hostpod.plan.stages import POD_STAGES, STAGES

# Why a happening leads to one stage and not to another that it may lead to as well; of a container, then of a pod.
_WHERE: Mapping[str, str] = {
    "post-start": "with a postStart hook",
    "starting": "with a startup probe",
    "pre-stop": "its pod ends meanwhile",
    "absent": "first attempt",
    "waiting": "another attempt follows",
    "over": "none follows",
    "Succeeded": "all containers exited with 0",
    "Failed": "one did not",
}


def drawn(page: str) -> str:
    """The page with its diagrams as the tables are now."""
    for name, table in (("container", STAGES.items()), ("pod", POD_STAGES.items())):
        begin, end = f"<!-- states of a {name}: made by make docs -->\n", "<!-- end -->\n"
        before, mark, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + mark + diagram(table) + end + after
    return page


def diagram(table: Iterable[tuple[tuple[str, str], Sequence[str]]]) -> str:
    """One Mermaid block: an edge from stage to stage, with all that leads along it."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (stage, happening), leads_to in table:
        for target in leads_to:
            where = f" ({_WHERE[target]})" if len(leads_to) > 1 and target in _WHERE else ""
            edges.setdefault((stage, target), []).append(happening + where)
    stages = dict.fromkeys(stage for edge in edges for stage in edge)
    named = [f'    state "{stage}" as {_id(stage)}' for stage in stages if _id(stage) != stage]
    drawn_edges = [f"    {_id(a)} --> {_id(b)} : {', or '.join(labels)}" for (a, b), labels in edges.items()]
    first = next(iter(stages))
    return "\n".join(["```mermaid", "stateDiagram-v2", *named, f"    [*] --> {first}", *drawn_edges, "```", ""])


def _id(stage: str) -> str:
    """Mermaid takes no hyphens in names."""
    return stage.replace("-", "_")


if __name__ == "__main__":
    sys.stdout.write(drawn(sys.stdin.read()))
