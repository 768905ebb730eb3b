from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hostpod.engine.refusals import explain, words
from hostpod.host.mount import MountError
from hostpod.host.runc import RuncError
from hostpod.plan import actions as do

CREATE = do.CreateContainer(container="web", attempt=0, backoff_s=0, reason="it was never started")


def test_what_the_kernel_answers_is_told_without_its_number(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Errno 2") as caught:
        (tmp_path / "absent").read_text()
    assert words(caught.value) == f"{tmp_path}/absent: no such file or directory"
    assert words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == "no space left on device"
    assert words(MountError(errno.EPERM, "cannot mount x on y")) == "cannot mount x on y: operation not permitted"
    assert words(OSError("timed out")) == "timed out"


def test_a_refusal_that_says_what_could_not_be_done_is_not_introduced_once_more() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/state")
    assert explain(CREATE, full) == 'cannot create container "web": /state: no space left on device'
    assert explain(CREATE, RuncError("cannot run x: y")) == 'container "web": cannot run x: y'
    assert explain(do.TearDownSandbox(reason=""), RuncError("cannot run x: y")) == "cannot run x: y"
