from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube import Pod
from hostpod.kube.annotations import AFTER
from hostpod.kube.priority import CRITICAL
from hostpod.plan.leaving import Farewell, Staying, plan_leaving
from hostpod.plan.ordering import Turn, Waiting, leaving_turns, may_start, order_pods
from tests.unit.plan.build import pod


def after(text: str = "", *, namespace: str = "default", priority: int = 0) -> Pod:
    plain = pod(priority=priority, nodeName="Host1")
    changes = {"annotations": {AFTER: text} if text else {}, "namespace": namespace}
    return plain.model_copy(update={"metadata": plain.metadata.model_copy(update=changes)})


def pods(**texts: str) -> dict[str, Pod]:
    return {f"default/{name}": after(text) for name, text in texts.items()}


class TestNames:
    @pytest.mark.parametrize("text", ["db", " db ,", "default/db", "db,db", "db-host1", "default/db-host1"])
    def test_a_pod_is_named_with_or_without_node_and_namespace(self, text: str) -> None:
        order = order_pods({"default/web-host1": after(text), "default/db-host1": after()})
        assert order.before["default/web-host1"] == {"default/db-host1"}
        assert not order.unknown

    def test_the_name_as_it_is_comes_before_the_one_with_the_node(self) -> None:
        order = order_pods({"default/web": after("db"), "default/db": after(), "default/db-host1": after()})
        assert order.before["default/web"] == {"default/db"}

    def test_a_name_is_of_the_pod_s_own_namespace(self) -> None:
        here = {"a/web": after("db, b/db", namespace="a"), "b/db": after(namespace="b")}
        order = order_pods(here)
        assert order.before["a/web"] == {"b/db"}
        assert order.unknown == {"a/web": ("db",)}


class TestStart:
    def test_a_pod_waits_until_all_that_it_names_are_ready(self) -> None:
        order = order_pods(pods(web="db, cache", db="", cache=""))
        assert may_start("default/web", order, ["default/db"]) == Waiting(
            reason="WaitingForPods", message="waits for pods that are not ready: default/cache"
        )
        assert may_start("default/web", order, ["default/db", "default/cache"]) is None
        assert may_start("default/db", order, []) is None

    def test_a_name_that_no_pod_has_is_waited_for_and_told(self) -> None:
        waiting = may_start("default/web", order_pods(pods(web="db, dbx", db="")), ["default/db"])
        assert waiting == Waiting(
            reason="WaitingForPods", message="waits for pods that no manifest has: dbx", astray=True
        )

    def test_who_waits_in_a_circle_is_told_how_to_get_out(self) -> None:
        order = order_pods(pods(a="b", b="c", c="a", d="a"))
        assert order.cycles == (("default/a", "default/b", "default/c"),)
        waiting = may_start("default/b", order, ["default/c"])
        assert waiting is not None
        assert waiting.astray
        assert waiting.message == (
            "never starts: pods start after one another in a circle, default/a after default/b after default/c after "
            "default/a: take one out of hostpod.io/after"
        )
        assert may_start("default/d", order, []) == Waiting(
            reason="WaitingForPods", message="waits for pods that are not ready: default/a"
        )

    def test_a_pod_after_itself(self) -> None:
        order = order_pods(pods(a="a"))
        waiting = may_start("default/a", order, [])
        assert waiting is not None
        assert waiting.message == (
            "never starts: pod default/a is to start after itself: take its name out of hostpod.io/after"
        )

    def test_every_circle_is_found(self) -> None:
        assert order_pods(pods(a="b", b="a", c="d", d="c, a")).cycles == (
            ("default/a", "default/b"),
            ("default/c", "default/d"),
        )


class TestEnd:
    def test_who_comes_after_others_ends_before_them(self) -> None:
        turns = leaving_turns(pods(web="app", app="db, cache", db="", cache="", alone=""))
        assert {key.removeprefix("default/"): turn.level for key, turn in turns.items()} == {
            "web": 0, "alone": 0, "app": 1, "db": 2, "cache": 2,
        }  # fmt: skip

    def test_a_pod_has_the_priority_of_those_that_come_after_it(self) -> None:
        turns = leaving_turns(
            {"default/web": after("db", priority=CRITICAL), "default/db": after(), "default/x": after()}
        )
        assert turns == {
            "default/web": Turn(priority=CRITICAL),
            "default/db": Turn(priority=CRITICAL, level=1),
            "default/x": Turn(priority=0),
        }

    def test_one_of_higher_priority_ends_later_anyway(self) -> None:
        turns = leaving_turns({"default/web": after("db"), "default/db": after(priority=5)})
        assert turns["default/db"] == Turn(priority=5, level=0)

    def test_the_waves_follow(self) -> None:
        turns = leaving_turns(pods(web="db", db="", alone=""))
        here = [Staying(key=key, priority=turn.priority, level=turn.level, grace_s=5) for key, turn in turns.items()]
        farewell = Farewell(reason="r")
        first = plan_leaving(here, farewell, since=0, now=0)
        assert set(first.leaves) == {"default/web", "default/alone"}
        rest = [each for each in here if each.key == "default/db"]
        assert set(plan_leaving(rest, farewell, since=0, now=1).leaves) == {"default/db"}


NAMES = st.sampled_from("abcdef")
GRAPHS = st.dictionaries(NAMES, st.tuples(st.lists(NAMES, max_size=3), st.integers(0, 2)), max_size=6)


@given(GRAPHS)
def test_whatever_is_named_all_that_are_in_no_circle_start_in_the_end(graph: dict[str, tuple[list[str], int]]) -> None:
    here = {f"default/{key}": after(",".join(names), priority=priority) for key, (names, priority) in graph.items()}
    order = order_pods(here)
    ready: set[str] = set()
    while starting := {key for key in here.keys() - ready if may_start(key, order, ready) is None}:
        ready |= starting
    held = {key for cycle in order.cycles for key in cycle} | order.unknown.keys()
    behind = set(held)
    while more := {key for key in here if order.before[key] & behind} - behind:
        behind |= more
    assert ready == here.keys() - behind


@given(GRAPHS)
def test_none_ends_before_those_that_come_after_it(graph: dict[str, tuple[list[str], int]]) -> None:
    here = {f"default/{key}": after(",".join(names), priority=priority) for key, (names, priority) in graph.items()}
    turns = leaving_turns(here)
    assert turns.keys() == here.keys()
    for key, first in order_pods(here).before.items():
        for each in first:
            assert (turns[key].priority, turns[key].level) < (turns[each].priority, turns[each].level)
