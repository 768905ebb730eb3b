"""hostpod exec."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from hostpod.cli.daemon_client import Daemon, url
from hostpod.cli.options import asks_daemon, chosen_container, container, namespace, pod_argument, pod_name

_EXAMPLES = """\b
Examples:
  hostpod exec web -- date                    run a command
  hostpod exec -it web -c log -- sh           a shell on this terminal
  tar cf - dir | hostpod exec -i web -- tar xf - -C /tmp
"""


@click.command(name="exec", epilog=_EXAMPLES, options_metavar="[-it] [-c CONTAINER]")
@pod_argument
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND [ARGUMENT]...")
@click.option("-i", "--stdin", is_flag=True, help="Pass this command's input on.")
@click.option("-t", "--tty", is_flag=True, help="Run it on a terminal; with -i on this one.")
@container
@namespace
@asks_daemon
def exec_(
    daemon: Daemon,
    *,
    pod: str,
    command: Sequence[str],
    stdin: bool,
    tty: bool,
    container: str | None,
    namespace: str,
) -> None:
    """Run a command in a container. Its exit code is this command's."""
    found = daemon.get("pods", namespace, pod_name(pod))
    name = chosen_container(found, container)
    if tty and not (stdin and sys.stdin.isatty()):
        tty = False
        if stdin:
            click.echo("Unable to use a TTY - input is not a terminal or the right kind of file", err=True)
    from hostpod.cli.exec_session import run_session  # noqa: PLC0415 - aiohttp takes longer than all the rest

    target = url("exec", namespace, found["metadata"]["name"], name)
    query = [("command", word) for word in command]
    query += [(key, "true") for key, wanted in (("stdin", stdin), ("tty", tty)) if wanted]
    code = run_session(daemon.socket_path, target, query, stdin=stdin, tty=tty)
    if code:
        click.echo(f"command terminated with exit code {code}", err=True)
    sys.exit(code)
