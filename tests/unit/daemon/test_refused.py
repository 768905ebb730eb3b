from __future__ import annotations

import errno

import pytest

from hostpod.daemon.refused import refused
from hostpod.host.inotify import InotifyError
from hostpod.images import ImageError
from hostpod.network import NetworkError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NetworkError("no bridge"), "no bridge"),
        (OSError(errno.EACCES, "Permission denied", "/var/lib/hostpod"), "/var/lib/hostpod: permission denied"),
        (OSError("plain words"), "plain words"),
        (KeyError("x"), ""),
    ],
)
def test_at_the_start(error: Exception, words: str) -> None:
    assert refused(error) == words


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([ImageError("no image")], "no image"),
        ([NetworkError("no bridge"), NetworkError("no bridge"), ImageError("no image")], "no bridge; no image"),
        ([OSError(errno.ENOSPC, "No space left on device", "/run/x")], "/run/x: no space left on device"),
        ([InotifyError(errno.EACCES, "Cannot be watched")], "cannot be watched"),
        ([OSError(errno.ENOENT, "No such file or directory")], ""),
        ([NetworkError("no bridge"), ValueError("x")], ""),
    ],
)
def test_while_tasks_run(errors: list[Exception], words: str) -> None:
    assert refused(ExceptionGroup("tasks", errors)) == words
    assert refused(ExceptionGroup("outer", [ExceptionGroup("tasks", errors)])) == words
