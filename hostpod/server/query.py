"""Query parameters as the kubelet reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hostpod.host.logs import LogOptions
from hostpod.kube.api_status import StatusError


def flag(query: Mapping[str, str], name: str) -> bool:
    """Present means yes, unless it is `false` or `0`: Kubernetes' own rule."""
    value = query.get(name)
    return value is not None and value not in {"false", "0"}


def count(query: Mapping[str, str], name: str, *, least: int = 0) -> int | None:
    """A whole number, None when absent."""
    value = query.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise StatusError("BadRequest", f'{name} must be a whole number of {least} or more, not "{value}"')
    return int(value)


def log_options(query: Mapping[str, str], *, now: float) -> LogOptions:
    """The parameters of v1 PodLogOptions."""
    if "sinceSeconds" in query and "sinceTime" in query:
        raise StatusError("BadRequest", "at most one of sinceTime or sinceSeconds may be given")
    since_seconds = count(query, "sinceSeconds", least=1)
    return LogOptions(
        follow=flag(query, "follow"),
        tail_lines=count(query, "tailLines"),
        timestamps=flag(query, "timestamps"),
        previous=flag(query, "previous"),
        since_s=now - since_seconds if since_seconds is not None else _since_time(query),
        limit_bytes=count(query, "limitBytes", least=1),
    )


def _since_time(query: Mapping[str, str]) -> float | None:
    value = query.get("sinceTime")
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise StatusError("BadRequest", f'sinceTime must be a time such as 2026-01-31T13:00:00Z, not "{value}"')
    return time.timestamp()
