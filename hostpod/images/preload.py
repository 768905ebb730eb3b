"""A directory of archives for machines that are never online: each is loaded once, and again when it has changed.

What was loaded is written down by name, size and time, so that a start costs a look at the directory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hostpod.host.clock import now
from hostpod.host.inotify import Inotify, InotifyError, Mask
from hostpod.host.store import StoreError, write_atomic
from hostpod.images.errors import ImageError
from hostpod.images.image import Image

log = logging.getLogger(__name__)

# What programs call a file that they have not finished.
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", "~")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preloaded:
    """What became of an archive: images, or in words why there are none."""

    path: Path
    images: tuple[Image, ...] = ()
    took_s: float = 0.0
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    """An archive as it was when it was loaded; `names` are ids and references of the images in it."""

    size: int
    mtime_ns: int
    names: tuple[str, ...] = ()


_RECORD = TypeAdapter(dict[str, _Loaded])

Load = Callable[[Path], Awaitable[tuple[Image, ...]]]
Tell = Callable[[Preloaded], None]


class Preload:
    """Archives in `directory`; what was loaded is written to `record`. `load` raises ImageError."""

    def __init__(self, directory: Path, record: Path, load: Load) -> None:
        self._directory = directory
        self._record = record
        self._load = load
        self._known = _read(record)
        self._loading = asyncio.Lock()
        self._first = asyncio.Event()

    async def first(self) -> None:
        """Until all is loaded that was there at the start."""
        await self._first.wait()

    async def run(self, tell: Tell) -> None:
        """Load what is there, then what comes, until cancelled."""
        try:
            with Inotify() as inotify:
                try:
                    self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                    inotify.add(self._directory, Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.ONLYDIR)
                    await self._all(tell)
                except OSError as error:
                    tell(Preloaded(path=self._directory, error=_words(error)))
                    return
                finally:
                    self._first.set()
                while True:
                    for event in await inotify.read():
                        if Mask.Q_OVERFLOW in event.mask:
                            await self._all(tell)
                        elif event.name:
                            await self._each([self._directory / event.name], tell)
        except InotifyError as error:  # what comes later is seen at the next start
            log.warning("%s is not watched: %s", self._directory, error)
        finally:
            self._first.set()

    async def again(self, name: str) -> tuple[Image, ...]:
        """Load the archives once more that have the image of this id or reference; none where there are none."""
        async with self._loading:
            for file, loaded in self._known.items():
                path = self._directory / file
                if name in loaded.names and _looks(path) == (loaded.size, loaded.mtime_ns):
                    return await self._load(path)
        return ()

    async def _all(self, tell: Tell) -> None:
        paths = sorted(self._directory.iterdir())
        gone = self._known.keys() - {path.name for path in paths}
        self._known = {name: loaded for name, loaded in self._known.items() if name not in gone}
        await self._each(paths, tell)

    async def _each(self, paths: Iterable[Path], tell: Tell) -> None:
        for path in paths:
            looks = _looks(path)
            known = self._known.get(path.name)
            if looks and (known is None or (known.size, known.mtime_ns) != looks):
                async with self._loading:
                    await self._one(path, looks, tell)

    async def _one(self, path: Path, looks: tuple[int, int], tell: Tell) -> None:
        begun = now()
        try:
            images = await self._load(path)
        except ImageError as error:
            tell(Preloaded(path=path, error=str(error)))
            return
        size, mtime_ns = looks
        names = tuple(name for image in images for name in (image.id, *image.references))
        self._known[path.name] = _Loaded(size=size, mtime_ns=mtime_ns, names=names)
        try:
            await asyncio.to_thread(write_atomic, self._record, _RECORD.dump_json(self._known), durable=True)
        except StoreError as error:  # it is loaded again at the next start
            log.warning("%s", error)
        tell(Preloaded(path=path, images=images, took_s=now() - begun))


def _looks(path: Path) -> tuple[int, int] | None:
    """Size and time of an archive or of a layout's index; None for what is neither."""
    if path.name.startswith(".") or path.name.endswith(_UNFINISHED):
        return None
    try:
        inside = path / "index.json" if path.is_dir() else path
        status = inside.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if inside.is_file() else None


def _read(record: Path) -> dict[str, _Loaded]:
    """What was loaded; nothing where that cannot be read: then it is loaded once more."""
    try:
        return _RECORD.validate_json(record.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read, archives are loaded again: %s", record, error)
        return {}


def _words(error: OSError) -> str:
    return f"it cannot be read: {(error.strerror or str(error)).lower()}"
