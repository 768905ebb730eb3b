from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostpod.host.cri import OPEN_LINE_LIMIT_BYTES, Merger, Piece, TailStart, parse_piece, seconds, tail_start

T = b"2026-11-21T03:51:05.373972377Z"


def lines(*pieces: bytes) -> bytes:
    return b"".join(T + b" " + piece + b"\n" for piece in pieces)


def shown(log: bytes, merger: Merger) -> bytes:
    pieces = [parse_piece(line) for line in log.split(b"\n")]
    return b"".join(merger.feed(piece) for piece in pieces if piece) + merger.flush()


def tail(log: bytes, count: int) -> bytes:
    start = tail_start(lambda offset, length: log[offset : offset + length], len(log), count)
    return shown(log[start.offset :], Merger(skip=start.skip))


def test_a_line_is_parsed() -> None:
    assert parse_piece(T + b" stdout F hello  world") == Piece(
        time=T, stream=b"stdout", full=True, text=b"hello  world"
    )
    assert parse_piece(T + b" stderr P ") == Piece(time=T, stream=b"stderr", full=False, text=b"")
    assert parse_piece(T + b" stderr F:tag x") == Piece(time=T, stream=b"stderr", full=True, text=b"x")


def test_what_is_no_log_line_is_nothing() -> None:
    for line in (b"", b"x", T, T + b" stdlog F x", T + b" stdout X x", b"a b c d"):
        assert parse_piece(line) is None


def test_times_with_nanoseconds_and_offsets() -> None:
    assert seconds(T) == seconds(b"2026-11-21T05:51:05.373972377+02:00")
    assert seconds(b"soon") == 0


def test_pieces_become_lines() -> None:
    log = lines(b"stdout P ab", b"stderr F warn", b"stdout P cd", b"stdout F ef", b"stdout F gh")
    assert shown(log, Merger()) == b"warn\nabcdef\ngh\n"


def test_timestamps_stand_once_before_each_line() -> None:
    assert shown(lines(b"stdout P ab", b"stdout F cd"), Merger(timestamps=True)) == T + b" abcd\n"


def test_a_beginning_is_shown_by_flush_and_its_rest_when_it_comes() -> None:
    merger = Merger(timestamps=True)
    assert merger.feed(Piece(time=T, stream=b"stdout", full=False, text=b"name: ")) == b""
    assert merger.flush() == T + b" name: "
    assert merger.flush() == b""
    assert merger.feed(Piece(time=T, stream=b"stdout", full=True, text=b"bob")) == b"bob\n"


def test_an_endless_line_does_not_fill_the_memory() -> None:
    merger = Merger()
    piece = Piece(time=T, stream=b"stdout", full=False, text=b"x" * 8192)
    out = b"".join(merger.feed(piece) for _ in range(100)) + merger.flush()
    assert out == b"x" * 819200
    assert all(len(merger.feed(piece)) <= OPEN_LINE_LIMIT_BYTES + 8192 for _ in range(20))


def test_lines_before_a_time_are_left_out() -> None:
    log = b"2026-11-21T03:00:00Z stdout F old\n2026-11-21T04:00:00Z stdout F new\n"
    assert shown(log, Merger(since_s=seconds(b"2026-11-21T03:30:00Z"))) == b"new\n"


def test_the_last_lines() -> None:
    log = lines(b"stdout F 1", b"stdout P 2", b"stderr F 3", b"stdout F 2", b"stdout F 4", b"stdout P 5")
    assert tail(log, 0) == b""
    assert tail(log, 1) == b"5"
    assert tail(log, 2) == b"4\n5"
    assert tail(log, 3) == b"22\n4\n5"
    assert tail(log, 9) == b"1\n3\n22\n4\n5"
    assert tail(b"", 3) == b""


def test_the_last_lines_of_a_big_file_are_found_from_its_end() -> None:
    log = lines(*(b"stdout F line %d" % number for number in range(50_000)))
    reads: list[int] = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return log[offset : offset + length]

    start = tail_start(read, len(log), 3)
    assert shown(log[start.offset :], Merger(skip=start.skip)) == b"line 49997\nline 49998\nline 49999\n"
    assert sum(reads) <= 128 * 1024


def test_one_line_longer_than_a_block() -> None:
    log = lines(b"stdout F first", b"stdout F " + b"x" * 200_000, b"stdout F last")
    assert tail(log, 2) == b"x" * 200_000 + b"\nlast\n"
    assert tail_start(lambda offset, length: log[offset : offset + length], len(log), 9) == TailStart(offset=0, skip=0)


PIECES = st.tuples(st.sampled_from([b"stdout", b"stderr"]), st.booleans(), st.binary(max_size=3))


@given(st.lists(PIECES, max_size=30), st.integers(0, 12))
def test_a_tail_is_the_end_of_the_whole(pieces: list[tuple[bytes, bool, bytes]], count: int) -> None:
    """Of ended lines: a beginning that was written long before the last lines is not among them."""
    every = [*pieces, (b"stdout", True, b"."), (b"stderr", True, b".")]
    log = lines(*(stream + (b" F " if full else b" P ") + text.replace(b"\n", b"") for stream, full, text in every))
    whole = shown(log, Merger()).split(b"\n")[:-1]
    assert tail(log, count).split(b"\n")[:-1] == (whole[-count:] if count else [])
