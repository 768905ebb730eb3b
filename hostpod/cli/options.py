"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import click
from click.shell_completion import CompletionItem

from hostpod.cli.daemon_client import Daemon, JsonObject
from hostpod.cli.failure import Failure
from hostpod.server.names import container_problem, default_container

P = ParamSpec("P")


def asks_daemon(command: Callable[Concatenate[Daemon, P], None]) -> Callable[P, None]:
    """Give a command the daemon as its first argument, and --socket also behind its name."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        ctx = click.get_current_context()
        daemon = Daemon(ctx.find_root().obj)
        ctx.call_on_close(daemon.close)
        command(daemon, *args, **kwargs)

    own = click.option("--socket", metavar="PATH", hidden=True, expose_value=False, callback=_take_socket)
    return own(run)


def _take_socket(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        ctx.find_root().obj = value


def _daemon(ctx: click.Context) -> Daemon:
    root = ctx.find_root()
    return Daemon(root.params.get("socket") or str(root.obj))


def complete_pods(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of pods for a shell's completion; none when the daemon does not answer."""
    try:
        names = [pod["metadata"]["name"] for pod in _daemon(ctx).get("pods")["items"]]
    except Failure:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_containers(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the containers of the pod that the command line names already."""
    # With an option that still waits for its value, click has not told the words apart yet.
    name = ctx.params.get("pod") or next((word for word in ctx.args if not word.startswith("-")), "")
    try:
        pod = _daemon(ctx).get("pods", ctx.params.get("namespace") or "default", name)
    except Failure:
        return []
    names = [container["name"] for container in pod["spec"]["containers"]]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


namespace = click.option("-n", "--namespace", default="default", metavar="NS", help="Namespace; default: default.")
all_namespaces = click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
container = click.option(
    "-c",
    "--container",
    metavar="NAME",
    shell_complete=complete_containers,
    help="Container of the pod; default: its first.",
)
pod_argument = click.argument("pod", shell_complete=complete_pods)


def pod_name(text: str) -> str:
    """A pod as it may be written: `web`, `pod/web`, `pods/web`."""
    kind, slash, name = text.partition("/")
    if not slash:
        return text
    if kind not in {"pod", "pods", "po"}:
        raise Failure(f'there are only pods here, no "{kind}"')
    return name


def chosen_container(pod: JsonObject, container: str | None) -> str:
    """The container that is meant; the choice among several is told on stderr. Raises Failure for one it has not."""
    if container is not None:
        problem = container_problem(pod, container)
        if problem:
            raise Failure(problem)
        return container
    name, words = default_container(pod)
    if words:
        click.echo(words, err=True)
    return name
