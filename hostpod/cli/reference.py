"""docs/cli.md, made from the commands themselves: `python -m hostpod.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from hostpod.cli.main import cli

_WIDTH = 100
_INTRODUCTION = """\
# The hostpod command

Made by `python -m hostpod.cli.reference`; do not edit.

Who knows kubectl knows most of it: names, columns and words are the same, there is just no cluster. The command
speaks to the daemon over a UNIX socket (`--socket`, or `HOSTPOD_SOCKET`), which root and the members of the group
hostpod may use.

- **Pods** are named with or without the node's name at their end. Where both `web` and `web-myhost` exist, `web` is
  the first.
- **Exit codes**: 0 done; 1 it could not be done, and a line on stderr says why (`error: …`, and `Error from server
  (NotFound): …` for a pod that is not there; others that were named are shown all the same); 2 the command line is
  wrong, or `plan --exit-code` has found something that would change; `exec` ends with the exit code of its command;
  130 after Ctrl-C.
- **Output** for people is a table; `-o json`, `-o yaml` and `-o name` are for programs. Only what was asked for goes
  to stdout.
- **Shells** complete commands, pods and containers: `hostpod completion bash`.
"""


def page() -> str:
    """The text of docs/cli.md."""
    sections = [f"## {name}\n\n```\n{text}\n```\n" for name, text in _helps(cli, "hostpod", None)]
    return "\n".join((_INTRODUCTION, *sections))


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    settings = {**cli.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner_name in command.list_commands(context):
            inner = command.get_command(context, inner_name)
            assert inner is not None
            yield from _helps(inner, inner_name, context)


if __name__ == "__main__":
    sys.stdout.write(page())
