"""hostpod attach."""

from __future__ import annotations

import sys

import click

from hostpod.cli.daemon_client import Daemon, JsonObject, url
from hostpod.cli.options import asks_daemon, chosen_container, container, namespace, pod_argument, pod_name

_EXAMPLES = """\b
Examples:
  hostpod attach web                     what it writes from now on
  hostpod attach -it shell               this terminal becomes that of the container
  hostpod attach -i once <input.txt      its stdin, which ends with the file where it is stdinOnce
"""


@click.command(epilog=_EXAMPLES, options_metavar="[-it] [-c CONTAINER]")
@pod_argument
@click.option("-i", "--stdin", is_flag=True, help="Pass this command's input on to the container.")
@click.option("-t", "--tty", is_flag=True, help="Use this terminal as that of the container.")
@container
@namespace
@asks_daemon
def attach(daemon: Daemon, *, pod: str, stdin: bool, tty: bool, container: str | None, namespace: str) -> None:
    """Join the first process of a container that runs: what it writes from now on, and its stdin.

    Stdin is there where the manifest says `stdin: true`, and a terminal where it says `tty: true`. The container goes
    on when this command ends: when the container has ended, at Ctrl-C, and on a terminal when that is closed.
    """
    found = daemon.get("pods", namespace, pod_name(pod))
    name = chosen_container(found, container)
    terminal = _has_terminal(found, name)
    if tty and not terminal:
        click.echo(f"error: Unable to use a TTY - container {name} did not allocate one", err=True)
    raw = stdin and terminal and sys.stdin.isatty()
    if tty and terminal and not raw:
        click.echo("Unable to use a TTY - input is not a terminal or the right kind of file", err=True)
    from hostpod.cli.exec_session import run_session  # noqa: PLC0415 - aiohttp takes longer than all the rest

    if raw:
        click.echo("If you don't see a command prompt, try pressing enter.", err=True)
    target = url("attach", namespace, found["metadata"]["name"], name)
    sys.exit(run_session(daemon.socket_path, target, [("stdin", "true")] if stdin else [], stdin=stdin, tty=raw))


def _has_terminal(pod: JsonObject, name: str) -> bool:
    spec = pod["spec"]
    return any(
        each.get("tty") for each in (*spec.get("initContainers", ()), *spec["containers"]) if each["name"] == name
    )
