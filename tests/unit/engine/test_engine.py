from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from hostpod.config import BackoffConfig
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.worker import Wish, Worker


class LateWorker:
    """A worker that is given a wish while it ends for the first time."""

    key = "default/web"

    def __init__(self, wish: Wish) -> None:
        self.wish: Wish | None = None
        self.runs = 0
        self._late = wish

    async def run(self) -> None:
        self.runs += 1
        self.wish = self._late if self.runs == 1 else None

    def sight(self) -> None:
        return None


def test_a_wish_that_comes_while_a_worker_ends_is_not_lost() -> None:
    edges = cast("Edges", SimpleNamespace(config=SimpleNamespace(backoff=BackoffConfig())))
    engine: Any = Engine(edges, changed=lambda: None)
    worker = LateWorker(cast("Wish", object()))
    engine._workers[worker.key] = cast("Worker", worker)
    asyncio.run(engine._work(worker))
    assert worker.runs == 2
    assert not engine._workers
