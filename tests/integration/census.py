"""A daemon that says in its journal how much it holds: a line of JSON at each SIGUSR1."""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
import sys
import threading

OPTIONS = ("-c", "from tests.integration.census import main; main()")
"""Options of the interpreter that make of `-m hostpod serve` a daemon that tells."""

MARK = "census: "


def tell(*_: object) -> None:
    held = {"asyncio tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}
    sys.stderr.write(f"{MARK}{json.dumps(held)}\n")


def main() -> None:
    signal.signal(signal.SIGUSR1, tell)
    _, _, module_name, *sys.argv[1:] = sys.argv  # -c, -m, hostpod
    runpy.run_module(module_name, run_name="__main__", alter_sys=True)
