"""hostpod serve."""

from __future__ import annotations

import gc
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hostpod.cli.failure import Failure
from hostpod.cli.settings import read_settings
from hostpod.daemon.turned_away import turned_away

if TYPE_CHECKING:
    from hostpod.config import Config

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: systemd does not try again, as the file would say the same


class UnusableSettings(Failure):
    """The settings have mistakes, told already."""

    exit_code = EXIT_CONFIG


_EXAMPLES = """\b
Examples:
  sudo hostpod serve                         with /etc/hostpod/hostpod.yaml
  hostpod serve --config ./hostpod.yaml      with other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
@turned_away()
def serve(config: Path | None) -> None:
    """Run the daemon, in the foreground: it watches the manifests directory and runs what is there."""
    gc.disable()  # modules are no garbage, and looking for some takes a tenth of the start
    settings = _settings(config)
    if os.geteuid() != 0:
        raise Failure("hostpod serve needs root: it makes namespaces, mounts and control groups (sudo hostpod serve)")
    from hostpod.config import load_config  # noqa: PLC0415 - read already

    with _no_certificates_read():
        from hostpod.daemon.serve import serve as run  # noqa: PLC0415 - the whole daemon

    gc.freeze()
    gc.enable()
    sys.exit(run(settings, partial(load_config, config)))


@contextmanager
def _no_certificates_read() -> Iterator[None]:
    """aiohttp reads all that the host trusts as it is imported, a tenth of a start, for clients that bring no context.

    hostpod has none of these: what asks a URL by TLS makes a context of its own when it first does.
    """
    name = ssl.get_default_verify_paths().openssl_cafile_env
    given = os.environ.get(name)
    os.environ[name] = os.devnull
    try:
        yield
    finally:
        if given is None:
            del os.environ[name]
        else:
            os.environ[name] = given


def _settings(path: Path | None) -> Config:
    from hostpod.host import journal  # noqa: PLC0415 - no other command writes to it

    if journal.stderr_is_the_journal():
        return _settings_or_last_words(path)
    try:
        return read_settings(path)
    except Failure as failure:
        raise UnusableSettings(failure.message) from None


def _settings_or_last_words(path: Path | None) -> Config:
    """In the journal each problem is an error of its own, with the fields that a machine looks for."""
    from hostpod.config import ConfigError, load_config  # noqa: PLC0415 - 100 ms that other commands do not pay
    from hostpod.host import journal  # noqa: PLC0415 - see above

    journal.set_up("info")  # what the settings say of it is not known yet
    try:
        return load_config(path)
    except ConfigError as error:
        for problem in str(error).splitlines():
            journal.last_words(f"the settings cannot be used: {problem}")
        sys.exit(EXIT_CONFIG)
