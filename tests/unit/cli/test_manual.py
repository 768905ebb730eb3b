from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from hostpod.cli import roff
from hostpod.cli.main import cli
from hostpod.cli.manual import command_page, settings_page
from hostpod.config.ranges import is_live, settings

PAGES = {"hostpod.1": command_page, "hostpod.yaml.5": settings_page}


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, **cli.context_settings)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)
        else:
            yield inner.command_path, command


def test_every_command_has_its_part_with_all_options() -> None:
    page = command_page()
    for path, command in _commands(cli, click.Context(cli, info_name="hostpod", **cli.context_settings)):
        found = re.search(rf'^\.SS "{re.escape(roff.escaped(path))} .*?(?=^\.S[SH] )', page, re.MULTILINE | re.DOTALL)
        assert found is not None, path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(roff.escaped(option) in found[0] for option in parameter.opts), (path, parameter.name)


def test_every_setting_is_there_with_what_it_means() -> None:
    page = settings_page()
    for keys, field in settings():
        assert f"\n{roff.bold('.'.join(keys))}\n{roff.escaped(field.description or '')}\n" in page


def test_what_takes_effect_on_a_reload_is_marked() -> None:
    page = settings_page()
    for keys, field in settings():
        about = page.partition(f"\n{roff.bold('.'.join(keys))}\n")[2].splitlines()[2]
        assert about.endswith("; live") == is_live(field), keys


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_the_same_each_time(page: str) -> None:
    assert PAGES[page]() == PAGES[page]()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_complain_about(page: str) -> None:
    command = ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z"]
    done = subprocess.run(command, input=PAGES[page](), capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_text_is_shown_as_it_is() -> None:
    assert roff.escaped(r".x 'a-b' \c") == r"\&.x \(aqa\-b\(aq \ec"


def test_paragraphs_are_filled_unless_they_are_marked() -> None:
    assert list(roff.paragraphs("a\nb\n\n\b\nc\n  d")) == [".PP", "a b", ".PP", ".nf", "c", "d", ".fi"]


def test_examples_are_a_command_and_what_it_does() -> None:
    assert list(roff.examples(["  hostpod x   does x"])) == [".TP", r"\fBhostpod x\fR", "does x"]
    assert list(roff.examples(["  hostpod x -y"])) == [".TP", r"\fBhostpod x \-y\fR"]
