"""hostpod images, hostpod image pull, hostpod image load; what else there is below hostpod image is beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import Failure, Refusal, until_interrupted
from hostpod.cli.options import asks_daemon
from hostpod.cli.table import Table, printable
from hostpod.cli.times import since
from hostpod.cli.verify import verify
from hostpod.host import clock

JsonObject = Mapping[str, Any]

_HEADERS = ("IMAGE", "TAG", "IMAGE ID", "CREATED", "SIZE")
_NONE = "<none>"
_PULL_EXAMPLES = """\b
Examples:
  hostpod image pull nginx:1.25
  hostpod image pull quay.io/podman/hello
"""
_LOAD_EXAMPLES = """\b
Examples:
  hostpod image load web.tar          a docker-archive or oci-archive, also compressed
  hostpod image load ./layout         a directory that is an OCI layout
  podman save web | hostpod image load -
"""


@click.command()
@asks_daemon
def images(daemon: Daemon) -> None:
    """List the images on this host."""
    rows = sorted(row for image in daemon.get("images")["items"] for row in image_rows(image, clock.now()))
    if rows:
        click.echo("\n".join(Table(_HEADERS).head(rows)))
    else:
        click.echo("No images found.", err=True)


@click.group()
def image() -> None:
    """Pull, load, verify, look into and remove images."""


image.add_command(verify)


@image.command(epilog=_PULL_EXAMPLES)
@click.argument("reference", metavar="IMAGE")
@asks_daemon
def pull(daemon: Daemon, *, reference: str) -> None:
    """Fetch an image from its registry."""
    with until_interrupted():
        lines = daemon.lines("POST", "images", "pull", ref=reference)
        if sys.stdout.isatty():
            from hostpod.cli.progress import draw  # noqa: PLC0415 - rich is for terminals only

            pulled = draw(lines)
        else:
            pulled = _print(lines)
    if pulled is None:
        raise Failure("the connection to hostpod ended before the image was there")
    names = ", ".join(pulled["references"]) or reference
    click.echo(printable(f"Pulled {names} ({short_id(pulled['id'])}, {size_text(pulled['sizeBytes'])})"))


@image.command(epilog=_LOAD_EXAMPLES)
@click.argument("file", type=click.Path(exists=True, allow_dash=True))
@asks_daemon
def load(daemon: Daemon, *, file: str) -> None:
    """Take the images of an archive or OCI layout; `-` reads from stdin."""
    try:
        with _opened(file) as archive:
            items = daemon.upload(archive, "images", "load")["items"]
    except Refusal as refusal:
        raise Failure(f"{'standard input' if file == '-' else file}: {refusal.message}") from None
    for loaded in items:
        names = ", ".join(loaded["references"]) or "an image without a name"
        click.echo(printable(f"Loaded {names} ({short_id(loaded['id'])}, {size_text(loaded['sizeBytes'])})"))


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    if file != "-" and Path(file).is_dir():
        from hostpod.cli.layout_stream import layout_stream  # noqa: PLC0415 - tarfile is for directories only

        return layout_stream(Path(file))
    return click.open_file(file, "rb")


def _print(lines: Iterable[JsonObject]) -> JsonObject | None:
    """A line for each part when it begins and when it is done; the image that came last."""
    shown: set[tuple[str, str, bool]] = set()
    for line in lines:
        if "image" in line:
            found: JsonObject = line["image"]
            return found
        step = (line["id"], line["action"], bool(line["done"]))
        if step not in shown:
            shown.add(step)
            fetched = f", {size_text(line['current'])} fetched" if line["current"] else ""
            click.echo(printable(f"{line['id']}: {f'done{fetched}' if line['done'] else line['action']}"))
    return None


def image_rows(image: JsonObject, now: float) -> Iterator[tuple[str, ...]]:
    """The cells of an image, once for each of its names."""
    rest = (short_id(image["id"]), since(image.get("created"), now), size_text(image["sizeBytes"]))
    for reference in image["references"] or [""]:
        yield (*_name_and_tag(reference), *rest)


def _name_and_tag(reference: str) -> tuple[str, str]:
    if not reference:
        return _NONE, _NONE
    name, at, _ = reference.partition("@")
    if at:
        return name, _NONE
    place, slash, last = reference.rpartition("/")
    last, _, tag = last.partition(":")
    return place + slash + last, tag or _NONE


def short_id(digest: str) -> str:
    """As many digits of an id as people need."""
    return digest.removeprefix("sha256:")[:12]


def size_text(size_bytes: int) -> str:
    """Decimal units with three or four figures, as `docker images` and crictl write them: 54.2MB."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.4g}{unit}" if unit == "B" else f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}TB"
