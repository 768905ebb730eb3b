from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from hostpod import __version__
from hostpod.cli.main import cli

HEAVY = {"aiohttp", "pydantic", "yaml", "rich", "pyroute2", "asyncio"}


def test_every_command_is_there_and_helps() -> None:
    context = cli.make_context("hostpod", ["version"])
    for name in cli.list_commands(context):
        result = CliRunner().invoke(cli, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"Usage: cli {name}")


def test_the_list_of_commands() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert "  get         List pods, events or volumes.\n" in result.output


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["gte"])
    assert result.exit_code == 2
    assert "No such command 'gte'" in result.stderr


def test_version() -> None:
    for words in ("version", "--version"):
        assert CliRunner().invoke(cli, [words]).output == f"hostpod {__version__}\n"


@pytest.mark.parametrize(
    "module", ["main", "version", "get", "describe", "logs", "exec", "events", "images", "plan", "serve"]
)
def test_no_command_loads_what_is_slow(module: str) -> None:
    script = f"import hostpod.cli.{module}, sys; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(names)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_HOSTPOD_COMPLETE" in result.output
    assert "hostpod" in result.output
