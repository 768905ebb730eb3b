"""Settings of an instance that keeps everything below one directory."""

from __future__ import annotations

from pathlib import Path

from hostpod.config import Config


def places(directory: Path) -> Config:
    names = {name: str(directory / name.lower()) for name in ("state", "runtime", "logs", "logLinks")}
    return Config.model_validate({"nodeName": "host", "directories": names})
