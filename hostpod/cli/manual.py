"""The man pages hostpod(1) and hostpod.yaml(5), made from the commands and the settings themselves.

`python -m hostpod.cli.manual hostpod.1` prints one; the Debian package is built with both.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping

import click

from hostpod.cli import roff
from hostpod.cli.main import cli

_SUMMARY = "Kubernetes pods on one host, without a cluster"

_DESCRIPTION = """\
Who knows kubectl knows most of it: names, columns and words are the same, there is just no cluster. The command
speaks to the daemon over a UNIX socket, which root and the members of the group hostpod may use.

The daemon is the unit hostpod.service. It may be stopped and started again at any time: pods go on meanwhile. A pod
ends when its manifest goes.
"""

_EXIT = {
    "0": "Done.",
    "1": "It could not be done; a line on stderr says why.",
    "2": "The command line is wrong, or hostpod plan --exit-code has found something that would change.",
    "130": "Ctrl-C. hostpod exec ends with the exit code of its command.",
}
_ENVIRONMENT = {"HOSTPOD_SOCKET": "The daemon's socket, where --socket is not given."}
_FILES = {
    "/etc/hostpod/manifests/": "Manifests of pods: YAML or JSON. The directory is watched.",
    "/etc/hostpod/hostpod.yaml": "Settings, see hostpod.yaml(5).",
    "/run/hostpod/hostpod.sock": "The control socket (hostpod.socket).",
    "/var/lib/hostpod/": "Images, volumes, and what containers wrote to their own file systems.",
    "/var/lib/hostpod/claims/": "What pods have claimed (PersistentVolumeClaims). It outlives pods and the package.",
    "/var/log/pods/": "What containers wrote to stdout and stderr, in CRI format.",
    "/var/log/containers/": "Links to that, one a container.",
}
_SYSTEMD = {
    "systemctl status hostpod": "How many pods run, and how many do not.",
    "systemctl reload hostpod": "Read the settings anew; those that need a restart are named in the journal.",
    "systemctl stop hostpod hostpod.socket hostpod-readonly.socket": "Stop the daemon; pods go on.",
    "systemctl set-property hostpod.slice MemoryMax=8G": "Bound all pods together.",
    "journalctl -u hostpod": "What the daemon did.",
}


def command_page() -> str:
    """The text of hostpod(1)."""
    context = _context(cli, "hostpod", None)
    lines = [
        *roff.header("hostpod", 1, "hostpod"),
        roff.heading("Name"),
        f"hostpod \\- {roff.escaped(_SUMMARY)}",
        roff.heading("Synopsis"),
        f"{roff.bold('hostpod')} [\\fIoptions\\fR] \\fIcommand\\fR [\\fIargument\\fR ...]",
        roff.heading("Description"),
        *roff.paragraphs(inspect.cleandoc(cli.help or "")),
        *roff.paragraphs(_DESCRIPTION),
        roff.heading("Options"),
        *_options(cli, context),
        roff.heading("Commands"),
        *(line for name in cli.list_commands(context) for line in _command(cli, name, context)),
        roff.heading("Under systemd"),
        *_table(_SYSTEMD),
        roff.heading("Exit status"),
        *_table(_EXIT),
        roff.heading("Environment"),
        *_table(_ENVIRONMENT),
        roff.heading("Files"),
        *_table(_FILES),
        roff.heading("See also"),
        ".BR hostpod.yaml (5),",
        ".BR systemctl (1),",
        ".BR journalctl (1),",
        ".BR runc (8)",
    ]
    return "\n".join(lines) + "\n"


def _command(group: click.Group, name: str, above: click.Context) -> Iterator[str]:
    command = group.get_command(above, name)
    assert command is not None
    context = _context(command, name, above)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(command, inner, context)
        return
    yield roff.smaller_heading(" ".join((context.command_path, *command.collect_usage_pieces(context))))
    yield from roff.paragraphs(inspect.cleandoc(command.help or ""))
    yield from _options(command, context)
    yield from _epilog(inspect.cleandoc(command.epilog or ""))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            yield from roff.item(roff.bold(record[0]), [roff.escaped(record[1])])


def _epilog(text: str) -> Iterator[str]:
    lines = [line for line in text.replace("\b", "").splitlines() if line.strip()]
    if lines:
        yield from (".PP", roff.escaped(lines[0].strip()))
        yield from roff.examples(lines[1:])


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    for term, words in rows.items():
        yield from roff.item(roff.bold(term), [roff.escaped(words)])


def _context(command: click.Command, name: str, above: click.Context | None) -> click.Context:
    return click.Context(command, info_name=name, parent=above, **cli.context_settings)


def settings_page() -> str:
    """The text of hostpod.yaml(5)."""
    from hostpod.config.reference import groups  # noqa: PLC0415 - pydantic, for this page alone

    lines = [
        *roff.header("hostpod.yaml", 5, "hostpod"),
        roff.heading("Name"),
        "hostpod.yaml \\- settings of hostpod",
        roff.heading("Synopsis"),
        "/etc/hostpod/hostpod.yaml",
        roff.heading("Description"),
        *roff.paragraphs(_SETTINGS),
    ]
    for title, rows in groups():
        lines += [roff.heading(title.partition(":")[0]), *roff.paragraphs(title.partition(": ")[2])]
        for row in rows:
            about = (row.unit, row.range, f"default: {row.default or 'unset'}", "live" if row.live else "")
            lines += roff.item(
                roff.bold(row.key), [roff.escaped(row.description), ".br", roff.escaped("; ".join(filter(None, about)))]
            )
    lines += [
        roff.heading("Examples"),
        *roff.as_it_is(["logLevel: debug", "network:", "  subnet: 10.90.0.0/16", "backoff:", "  max: 1m"]),
        roff.heading("See also"),
        ".BR hostpod (1)",
    ]
    return "\n".join(lines) + "\n"


_SETTINGS = """\
The daemon reads this file when it starts. Without it, everything is at its default. A setting of a group is named
here with the group's name and a point: backoff.max is max, indented below backoff.

systemctl reload hostpod reads the file anew. What is marked "live" takes effect then; of other changes the journal
says that they need a restart.

A key that is not known and a value out of its range are refused with their line: nothing starts, and a reload
changes nothing. Durations are written 20s, 1m30s, 500ms, or as a number of seconds.
"""

_PAGES: Mapping[str, Callable[[], str]] = {"hostpod.1": command_page, "hostpod.yaml.5": settings_page}


if __name__ == "__main__":
    sys.stdout.write(_PAGES[sys.argv[1]]())
