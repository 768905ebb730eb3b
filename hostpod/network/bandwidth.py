"""How fast a link sends: rtnetlink requests for a token bucket. Pure.

Written by hand: what pyroute2 knows of this queue ends at 34 Gbit/s, where rates are 32 bits of bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_NEWQDISC, _DELQDISC = 36, 37
_REQUEST, _ACK, _REPLACE, _CREATE = 0x1, 0x4, 0x100, 0x400

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_TC = struct.Struct("=BxxxiIII")  # family, index of the link, handle, parent, information
_ATTRIBUTE = struct.Struct("=HH")
_RATE = struct.Struct("=BBHhHI")  # cell, link layer, overhead, alignment, least packet, rate
_BUCKET = struct.Struct("=III")  # limit of the queue, and two that the attributes below replace

_ROOT = 0xFFFFFFFF
# A handle of our own, so that the queue that a link has by itself is never taken for it.
_HANDLE = 0x48500000

_KIND, _OPTIONS = 1, 2
_PARMS, _RATE64, _BURST = 1, 4, 6
_ETHERNET = 1
_LARGEST_RATE = 0xFFFFFFFF
_LARGEST_BURST = 1 << 31

# A packet that the kernel has not cut yet has up to 64 KiB and its headers: smaller buckets would cut or drop each.
LEAST_BURST_BYTES = 128 * 1024
# How long a link may send at full speed, and how long a packet may wait; coarser than any kernel's timer.
_BURST_S, _QUEUE_S = 0.01, 0.025


@dataclass(frozen=True, kw_only=True, slots=True)
class Bandwidth:
    """Most bits a second that come to a pod, and that it sends; None is no limit."""

    ingress_bits_per_s: int | None = None
    egress_bits_per_s: int | None = None


UNLIMITED = Bandwidth()


def limit(index: int, bits_per_s: int | None) -> bytes:
    """Let a link send no faster, or (None) as fast as it can; both replace what was said before."""
    if bits_per_s is None:
        return _request(_DELQDISC, _REQUEST | _ACK, index, b"")
    bytes_per_s = max(1, bits_per_s // 8)
    burst_bytes = min(_LARGEST_BURST, max(LEAST_BURST_BYTES, int(bytes_per_s * _BURST_S)))
    queue_bytes = min(_LARGEST_BURST, max(LEAST_BURST_BYTES, int(bytes_per_s * _QUEUE_S)))
    rate = _RATE.pack(0, _ETHERNET, 0, 0, 0, min(bytes_per_s, _LARGEST_RATE))
    no_peak = bytes(_RATE.size)
    options = (
        _attribute(_PARMS, rate + no_peak + _BUCKET.pack(queue_bytes, 0, 0))
        + _attribute(_RATE64, struct.pack("=Q", bytes_per_s))
        + _attribute(_BURST, struct.pack("=I", burst_bytes))
    )
    attributes = _attribute(_KIND, b"tbf\0") + _attribute(_OPTIONS, options)
    return _request(_NEWQDISC, _REQUEST | _ACK | _CREATE | _REPLACE, index, attributes)


def _request(code: int, flags: int, index: int, attributes: bytes) -> bytes:
    body = _TC.pack(0, index, _HANDLE, _ROOT, 0) + attributes
    return _HEADER.pack(_HEADER.size + len(body), code, flags, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)
