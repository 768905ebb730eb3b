"""hostpod logs."""

from __future__ import annotations

import re
import sys

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import Failure, until_interrupted
from hostpod.cli.options import (
    asks_daemon,
    chosen_container,
    complete_containers,
    container,
    namespace,
    pod_argument,
    pod_name,
)

_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_EXAMPLES = """\b
Examples:
  hostpod logs web                    what the first container of a pod wrote
  hostpod logs web log -f             follow one container until it ends, as with -c log
  hostpod logs web --tail 20          its last 20 lines
  hostpod logs web -p                 of the container's instance before its restart
  hostpod logs web --since 10m --timestamps
"""


def _seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Whole seconds, at least one, of 5s, 2m or 1h30m."""
    if value is None:
        return None
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise click.BadParameter(f'"{value}" is not a duration, write for example 5s, 2m or 1h30m')
    return max(1, round(sum(float(number) * _UNITS_S[unit] for number, unit in parts)))


@click.command(epilog=_EXAMPLES)
@pod_argument
@click.argument("inline", metavar="[CONTAINER]", required=False, shell_complete=complete_containers)
@container
@click.option("-f", "--follow", is_flag=True, help="Go on until the container ends.")
@click.option("--tail", type=click.IntRange(min=-1), default=-1, metavar="N", help="Only the last N lines; -1: all.")
@click.option("-p", "--previous", is_flag=True, help="Of the instance before the last restart.")
@click.option("--timestamps", is_flag=True, help="Put the time before each line.")
@click.option("--since", callback=_seconds, metavar="DURATION", help="Only lines not older than 5s, 2m or 1h.")
@click.option("--since-time", metavar="TIME", help="Only lines from a time on: 2026-01-31T13:00:00Z.")
@click.option("--limit-bytes", type=click.IntRange(min=1), metavar="N", help="At most N bytes.")
@namespace
@asks_daemon
def logs(
    daemon: Daemon,
    *,
    pod: str,
    inline: str | None,
    container: str | None,
    namespace: str,
    follow: bool,
    tail: int,
    previous: bool,
    timestamps: bool,
    since: int | None,
    since_time: str | None,
    limit_bytes: int | None,
) -> None:
    """Print what a container wrote."""
    if inline and container:
        raise Failure("only one of -c or an inline [CONTAINER] arg is allowed")
    found = daemon.get("pods", namespace, pod_name(pod))
    name = chosen_container(found, container or inline)
    wanted = {
        "follow": "true" if follow else None,
        "previous": "true" if previous else None,
        "timestamps": "true" if timestamps else None,
        "tailLines": None if tail < 0 else str(tail),
        "sinceSeconds": None if since is None else str(since),
        "sinceTime": since_time,
        "limitBytes": None if limit_bytes is None else str(limit_bytes),
    }
    query = {key: value for key, value in wanted.items() if value is not None}
    with until_interrupted():
        for chunk in daemon.chunks("containerLogs", namespace, found["metadata"]["name"], name, **query):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
