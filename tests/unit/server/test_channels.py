from __future__ import annotations

import pytest

from hostpod.server.channels import (
    RESIZE,
    STDIN,
    STDOUT,
    command_exit_code,
    command_status,
    pack,
    pack_resize,
    unpack,
    unpack_resize,
)


def test_the_first_byte_is_the_channel() -> None:
    assert pack(STDOUT, b"hi") == b"\x01hi"
    assert unpack(b"\x01hi") == (STDOUT, b"hi")
    assert unpack(b"") == (STDIN, b"")


def test_sizes() -> None:
    channel, data = unpack(pack_resize(columns=80, rows=24))
    assert channel == RESIZE
    assert unpack_resize(data) == (80, 24)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"3", b'{"Width":0,"Height":1}', b'{"Width":1,"Height":"x"}', b"\xff"]
)
def test_what_is_no_size_is_ignored(data: bytes) -> None:
    assert unpack_resize(data) is None


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_exit_codes_travel_as_a_status(code: int) -> None:
    assert command_exit_code(command_status(code)) == code


def test_another_failure_has_no_exit_code() -> None:
    assert command_exit_code({"status": "Failure", "reason": "InternalError"}) is None
    assert command_exit_code({"status": "Failure", "reason": "NonZeroExitCode"}) is None
