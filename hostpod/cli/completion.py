"""hostpod completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HOW = """\b
Where it goes:
  bash   hostpod completion bash > /etc/bash_completion.d/hostpod
  zsh    hostpod completion zsh > "${fpath[1]}/_hostpod"
  fish   hostpod completion fish > ~/.config/fish/completions/hostpod.fish
"""


@click.command(epilog=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: commands, options, and the names of pods and containers."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "hostpod", "_HOSTPOD_COMPLETE")
    click.echo(script.source_template % script.source_vars())
