"""Messages are read back with pyroute2's decoder; what the kernel makes of them is in the integration tests."""

from __future__ import annotations

from typing import Any

import pytest
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from hostpod.network.bandwidth import LEAST_BURST_BYTES, limit


def read(encoded: bytes) -> Any:
    message = tcmsg(encoded)
    message.decode()
    return message


@pytest.mark.parametrize(
    ("bits_per_s", "rate", "queue_bytes"),
    [
        (1_000, 125, LEAST_BURST_BYTES),
        (10**9, 125_000_000, 3_125_000),
        (10**15, 0xFFFFFFFF, 1 << 31),  # the rest is in an attribute of 64 bits
    ],
)
def test_a_limit_is_a_token_bucket_of_bytes(bits_per_s: int, rate: int, queue_bytes: int) -> None:
    message = read(limit(7, bits_per_s))
    assert (message["index"], message["parent"], message["header"]["flags"]) == (7, 0xFFFFFFFF, 0x505)
    assert message.get_attr("TCA_KIND") == "tbf"
    parms = message.get_attr("TCA_OPTIONS").get_attr("TCA_TBF_PARMS")
    assert (parms["rate"], parms["limit"]) == (rate, queue_bytes)
    assert (bits_per_s // 8).to_bytes(8, "little") in limit(7, bits_per_s)


def test_no_limit_takes_the_bucket_away() -> None:
    assert read(limit(7, None))["header"]["type"] == 37
