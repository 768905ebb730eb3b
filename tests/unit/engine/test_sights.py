from __future__ import annotations

import asyncio
from typing import Any

from hostpod.engine.sights import Sights


class Pods:
    """Pods that a test changes."""

    def __init__(self) -> None:
        self.now: dict[str, dict[str, Any]] = {}
        self.sights = Sights(lambda: set(self.now), self.now.get)

    def put(self, key: str, phase: str, uid: str = "1") -> None:
        self.now[key] = {"metadata": {"uid": uid}, "phase": phase}


def told(change: Any) -> tuple[str, str]:
    return change["type"], change["object"]["phase"]


def test_all_pods_in_the_order_of_their_keys() -> None:
    pods = Pods()
    pods.put("b", "x")
    pods.put("a", "y")
    assert [pod["phase"] for pod in pods.sights.all()] == ["y", "x"]


def test_a_watch_tells_of_changes_and_of_nothing_else() -> None:
    async def run() -> list[tuple[str, str]]:
        pods = Pods()
        pods.put("a", "Pending")
        watch = pods.sights.watch()
        seen = [told(await anext(watch))]
        pods.sights.tell("a")  # nothing changed
        pods.put("a", "Running")
        pods.sights.tell("a")
        pods.put("b", "Pending")
        pods.sights.tell("b")
        del pods.now["a"]
        pods.sights.tell("a")
        pods.sights.tell("a")
        seen += [told(await anext(watch)) for _ in range(3)]
        return seen

    assert asyncio.run(run()) == [
        ("ADDED", "Pending"),
        ("MODIFIED", "Running"),
        ("ADDED", "Pending"),
        ("DELETED", "Running"),
    ]


def test_a_pod_of_the_same_name_is_another_pod() -> None:
    async def run() -> list[tuple[str, str]]:
        pods = Pods()
        pods.put("a", "Running", uid="1")
        watch = pods.sights.watch()
        await anext(watch)
        pods.put("a", "Pending", uid="2")
        pods.sights.tell("a")
        return [told(await anext(watch)) for _ in range(2)]

    assert asyncio.run(run()) == [("DELETED", "Running"), ("ADDED", "Pending")]


def test_who_begins_to_watch_takes_no_change_from_who_watches_already() -> None:
    async def run() -> tuple[list[tuple[str, str]], tuple[str, str]]:
        pods = Pods()
        pods.put("a", "Pending")
        pods.put("b", "Pending")
        first = pods.sights.watch()
        await anext(first)
        await anext(first)
        pods.put("a", "Running")  # has changed, and nobody was told yet
        del pods.now["b"]
        second = pods.sights.watch()
        begun = told(await anext(second))
        pods.sights.tell("a")
        pods.sights.tell("b")
        return [told(await anext(first)) for _ in range(2)], begun

    assert asyncio.run(run()) == ([("MODIFIED", "Running"), ("DELETED", "Pending")], ("ADDED", "Running"))


def test_what_went_while_nobody_watched_is_not_told() -> None:
    async def run() -> list[tuple[str, str]]:
        pods = Pods()
        pods.put("a", "Pending")
        watch = pods.sights.watch()
        await anext(watch)
        await watch.aclose()
        del pods.now["a"]
        pods.sights.tell("a")
        pods.put("b", "Running")
        return [told(await anext(pods.sights.watch()))]

    assert asyncio.run(run()) == [("ADDED", "Running")]
