from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.plan.happenings import (
    ALIKE_MOST,
    ALIKE_WITHIN_S,
    COMBINED,
    MESSAGE_LIMIT,
    About,
    Bound,
    Event,
    Happenings,
    event_line,
    read_events,
)

WEB = About(kind="Pod", namespace="default", name="web-host", uid="u1", container="web")


def happenings(**bound: Any) -> Happenings:
    return Happenings(Bound(**bound))


def add(kept: Happenings, message: str, now: float, about: About = WEB) -> Event:
    return kept.add(about, "Warning", "Unhealthy", message, now)


def messages(kept: Happenings) -> list[str]:
    return [event.message for event in kept.all()]


@pytest.mark.parametrize(
    ("about", "involved"),
    [
        (
            WEB,
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "namespace": "default",
                "name": "web-host",
                "uid": "u1",
                "fieldPath": "spec.containers{web}",
            },
        ),
        (
            About(kind="Pod", namespace="a", name="web", uid="u1", container="first", init=True),
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "namespace": "a",
                "name": "web",
                "uid": "u1",
                "fieldPath": "spec.initContainers{first}",
            },
        ),
        (
            About(kind="Node", namespace="default", name="host", uid="host"),
            {"kind": "Node", "apiVersion": "v1", "name": "host", "uid": "host"},
        ),
        (
            About(kind="File", namespace="default", name="/etc/m/web.yaml"),
            {"kind": "File", "namespace": "default", "name": "/etc/m/web.yaml"},
        ),
    ],
)
def test_what_an_event_is_about(about: About, involved: dict[str, str]) -> None:
    event = add(happenings(), "m", 1000.25, about).render("host")
    assert event["involvedObject"] == involved
    assert event["metadata"]["namespace"] == about.namespace
    assert event["metadata"]["name"] == f"{about.name.replace('/', '.').strip('.')}.{1000250000000:016x}"


def test_repeats_are_folded_with_a_count() -> None:
    kept = happenings()
    for now in (1000.0, 1001.0, 1500.0):
        add(kept, "Back-off", now)
    (event,) = kept.all()
    assert (event.count, event.first_at, event.last_at) == (3, 1000.0, 1500.0)


def test_another_container_reason_type_or_object_is_another_event() -> None:
    kept = happenings()
    other = About(kind="Pod", namespace="default", name="web-host", uid="u1", container="db")
    before = About(kind="Pod", namespace="default", name="web-host", uid="u0", container="web")
    for about in (WEB, other, before):
        kept.add(about, "Normal", "Started", "m", 1.0)
        kept.add(about, "Normal", "Created", "m", 1.0)
        kept.add(about, "Warning", "Created", "m", 1.0)
    assert len({event.serial for event in kept.all()}) == 9


def test_many_alike_are_combined() -> None:
    kept = happenings()
    for number in range(30):
        add(kept, f"errno {number}", float(number))
    assert messages(kept) == [*(f"errno {n}" for n in range(ALIKE_MOST - 1)), f"{COMBINED}errno 29"]
    combined = kept.all()[-1]
    assert (combined.count, combined.first_at, combined.last_at) == (21, 9.0, 29.0)
    assert add(kept, "errno 3", 30.0).count == 2  # what is known is folded as ever


def test_each_container_has_its_own_flood() -> None:
    kept = happenings()
    for number in range(30):
        add(kept, f"started {number}", 1.0, About(kind="Pod", namespace="a", name="p", container=f"c{number}"))
    assert COMBINED not in str(messages(kept))


def test_a_flood_is_over_when_none_came_for_a_while() -> None:
    kept = happenings()
    for number in range(12):
        add(kept, f"{number}", 0.0)
    assert add(kept, "later", ALIKE_WITHIN_S).combined
    assert add(kept, "later still", 2 * ALIKE_WITHIN_S).combined
    assert not add(kept, "in quiet times", 3 * ALIKE_WITHIN_S + 1).combined


def test_slow_changes_are_no_flood() -> None:
    kept = happenings()
    for number in range(30):
        add(kept, f"{number}", number * ALIKE_WITHIN_S / 5)
    assert len(kept.all()) == 30


def test_what_did_not_come_again_is_forgotten() -> None:
    kept = happenings(age_s=100)
    add(kept, "old", 0.0)
    add(kept, "again", 0.0)
    add(kept, "again", 50.0)
    kept.forget_old(100.0)
    assert messages(kept) == ["old", "again"]
    kept.forget_old(101.0)
    assert messages(kept) == ["again"]
    assert add(kept, "old", 102.0).count == 1
    kept.forget_old(1000.0)
    assert messages(kept) == []


@given(
    added=st.lists(st.tuples(st.text(max_size=300), st.floats(0, 50)), max_size=60),
    size_bytes=st.integers(0, 5000),
    age_s=st.floats(1, 500),
)
def test_the_bound_holds_and_the_newest_stay(added: list[tuple[str, float]], size_bytes: int, age_s: float) -> None:
    kept, now = happenings(size_bytes=size_bytes, age_s=age_s), 0.0
    for message, later_s in added:
        now += later_s
        event = add(kept, message, now)
        events = kept.all()
        assert sum(len(event_line(each)) for each in events) <= size_bytes
        assert all(now - each.last_at <= age_s for each in events)
        assert events[-1:] == ((event,) if len(event_line(event)) <= size_bytes else ())
        assert [each.last_at for each in events] == sorted(each.last_at for each in events)
        restored = happenings(size_bytes=size_bytes, age_s=age_s)
        restored.restore(read_events(b"".join(map(event_line, events))), now)
        assert restored.all() == events


def test_a_long_message_is_cut() -> None:
    (event,) = [add(happenings(), "x" * 100_000, 1.0)]
    assert len(event.message) == MESSAGE_LIMIT
    assert event.message.endswith("x…")


def test_a_message_of_no_characters_can_be_written() -> None:
    event = add(happenings(), b"no file \xff\xfe".decode(errors="surrogateescape"), 1.0)
    assert event.message == "no file \\udcff\\udcfe"
    assert read_events(event_line(event)) == [event]


def test_what_is_restored_goes_on() -> None:
    first = happenings()
    for number in range(11):
        add(first, f"{number}", 5.0)
    second = happenings()
    second.restore(first.all(), 6.0)
    assert second.all() == first.all()
    again = add(second, "0", 6.0)
    assert (again.count, again.first_at, again.serial) == (2, 5.0, first.all()[0].serial)
    assert add(second, "11", 6.0).count == 3  # combined with the two before
    assert len({event.serial for event in second.all()}) == ALIKE_MOST


def test_a_clock_that_went_back_makes_no_name_twice() -> None:
    first = happenings()
    before = add(first, "a", 1e9)
    second = happenings()
    second.restore([before], 5.0)
    assert add(second, "b", 5.0).serial > before.serial


def test_lines_that_are_no_events_are_left_out() -> None:
    kept = happenings()
    one, two = add(kept, "one", 1.0), add(kept, "two\n", 2.0)
    three = add(kept, "one", 3.0)
    content = event_line(one) + b"\0\0\0\n" + event_line(two) + b'{"about":1}\n' + event_line(three)
    assert read_events(content) == [two, three]
    for length in range(len(event_line(three))):
        torn = event_line(one) + event_line(two) + event_line(three)[:length]
        whole = length == len(event_line(three)) - 1  # only the end of the line is missing
        assert read_events(torn) == ([two, three] if whole else [one, two])
