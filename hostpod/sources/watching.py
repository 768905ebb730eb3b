"""One directory under watch, by its path: whoever replaces, removes or returns it is noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hostpod.host.inotify import Event, Inotify, InotifyError, Mask

_INSIDE = (
    Mask.CREATE
    | Mask.MODIFY
    | Mask.CLOSE_WRITE
    | Mask.ATTRIB
    | Mask.MOVED_FROM
    | Mask.MOVED_TO
    | Mask.DELETE
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
_ABOVE = Mask.CREATE | Mask.MOVED_TO | Mask.ATTRIB | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
_LOST = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT | Mask.IGNORED | Mask.Q_OVERFLOW


class DirectoryWatch:
    """Watches a directory, or while there is none the nearest one above it."""

    def __init__(self, inotify: Inotify, directory: Path) -> None:
        self._inotify = inotify
        self._directory = directory
        self._watch: int | None = None
        self._above: tuple[int, str] | None = None

    def attach(self) -> InotifyError | None:
        """Watch what the path leads to now; the reason where that is not possible. Cheap when nothing changed."""
        refused = self._attach()
        if refused is not None:
            self._attach_above()
            refused = self._attach()  # it may have come between the two calls
        return refused

    def lost_by(self, events: Iterable[Event]) -> bool:
        """Whether these events mean that the watch must be renewed and everything looked at again."""
        return any(self._is_loss(event) for event in events)

    def changes(self, events: Iterable[Event]) -> Iterator[Event]:
        """The changes of entries of the directory."""
        return (event for event in events if event.watch == self._watch and event.name)

    def _is_loss(self, event: Event) -> bool:
        if event.mask & Mask.Q_OVERFLOW:
            return True
        if self._above is not None and event.watch == self._above[0]:
            return event.name in ("", self._above[1])
        return event.watch == self._watch and bool(event.mask & _LOST)

    def _attach(self) -> InotifyError | None:
        try:
            watch = self._inotify.add(self._directory, _INSIDE)
        except InotifyError as error:
            self._replace(None)
            return error
        self._replace(watch)
        self._replace_above(None)
        return None

    def _attach_above(self) -> None:
        """Every path ends at the root, so one of them can be watched unless the limit of watches is reached."""
        for parent in self._directory.parents:
            try:
                watch = self._inotify.add(parent, _ABOVE)
            except InotifyError:
                continue
            self._replace_above((watch, self._directory.relative_to(parent).parts[0]))
            return

    def _replace(self, watch: int | None) -> None:
        if self._watch not in (None, watch):
            self._inotify.remove(self._watch)
        self._watch = watch

    def _replace_above(self, above: tuple[int, str] | None) -> None:
        if self._above is not None and (above is None or above[0] != self._above[0]):
            self._inotify.remove(self._above[0])
        self._above = above
