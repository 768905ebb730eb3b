from __future__ import annotations

import os
import signal
import subprocess

import pytest

from hostpod.host.pids import open_pidfd


def test_a_process_that_ended_is_gone_though_its_session_lives_on() -> None:
    ended = subprocess.Popen(["/bin/sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE, start_new_session=True)
    assert ended.stdout is not None
    left = int(ended.stdout.readline())
    try:
        ended.wait()
        assert os.getsid(left) == ended.pid
        with pytest.raises(ProcessLookupError):
            open_pidfd(ended.pid)
    finally:
        os.kill(left, signal.SIGKILL)
        ended.stdout.close()
