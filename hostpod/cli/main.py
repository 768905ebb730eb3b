"""The root of the hostpod command. A subcommand's module is imported when it is called, so that each is quick."""

from __future__ import annotations

from importlib import import_module

import click

from hostpod import __version__

_DEFAULT_SOCKET = "/run/hostpod/hostpod.sock"

# name: (module, attribute, what the list of commands says)
_COMMANDS = {
    "get": ("hostpod.cli.get", "get", "List pods, events or volumes."),
    "describe": ("hostpod.cli.describe", "describe", "Show everything about a pod, and its events."),
    "logs": ("hostpod.cli.logs", "logs", "Print what a container wrote."),
    "exec": ("hostpod.cli.exec", "exec_", "Run a command in a container."),
    "attach": ("hostpod.cli.attach", "attach", "Join a container: what it writes, and its stdin."),
    "events": ("hostpod.cli.events", "events", "List what happened to pods."),
    "images": ("hostpod.cli.images", "images", "List the images on this host."),
    "image": ("hostpod.cli.image_commands", "image", "Pull, load, look into and remove images."),
    "validate": ("hostpod.cli.validate", "validate", "Check manifests; needs no daemon."),
    "plan": ("hostpod.cli.plan", "plan", "Show what a change of manifests would do, without doing it."),
    "doctor": ("hostpod.cli.doctor", "doctor", "Check this host and say how to mend what is wrong."),
    "serve": ("hostpod.cli.serve", "serve", "Run the daemon."),
    "drain": ("hostpod.cli.drain", "drain", "End every pod while no daemon runs."),
    "completion": ("hostpod.cli.completion", "completion", "Print the completion script of a shell."),
    "version": ("hostpod.cli.version", "version", "Print the version."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in _COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='"hostpod COMMAND --help" tells more, with examples.',
)
@click.option(
    "--socket",
    envvar="HOSTPOD_SOCKET",
    default=_DEFAULT_SOCKET,
    show_default=True,
    metavar="PATH",
    help="The daemon's UNIX socket; also taken from HOSTPOD_SOCKET.",
)
@click.version_option(__version__, prog_name="hostpod", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, socket: str) -> None:
    """Kubernetes pods on one host, without a cluster: put a manifest into /etc/hostpod/manifests and it runs.

    Pods are named with or without the node's name at their end: "web" and "web-myhost" are the same.
    """
    ctx.obj = socket
