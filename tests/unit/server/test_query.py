from __future__ import annotations

import pytest

from hostpod.host.logs import LogOptions
from hostpod.kube.api_status import StatusError
from hostpod.server.query import flag, log_options


@pytest.mark.parametrize(
    ("query", "value"),
    [({}, False), ({"f": "false"}, False), ({"f": "0"}, False), ({"f": ""}, True), ({"f": "true"}, True)],
)
def test_flags_as_kubernetes_reads_them(query: dict[str, str], value: bool) -> None:
    assert flag(query, "f") is value


def test_all_options_of_logs() -> None:
    query = {"follow": "true", "tailLines": "3", "timestamps": "1", "sinceSeconds": "60", "limitBytes": "9"}
    assert log_options(query, now=1000.0) == LogOptions(
        follow=True, tail_lines=3, timestamps=True, since_s=940.0, limit_bytes=9
    )
    assert log_options({"sinceTime": "1970-01-01T00:01:00Z", "previous": ""}, now=0) == LogOptions(
        previous=True, since_s=60.0
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"tailLines": "-1"}, 'tailLines must be a whole number of 0 or more, not "-1"'),
        ({"tailLines": "²"}, 'tailLines must be a whole number of 0 or more, not "²"'),
        ({"limitBytes": "0"}, 'limitBytes must be a whole number of 1 or more, not "0"'),
        ({"sinceTime": "soon"}, 'sinceTime must be a time such as 2026-01-31T13:00:00Z, not "soon"'),
        ({"sinceTime": "2026-01-01"}, 'sinceTime must be a time such as 2026-01-31T13:00:00Z, not "2026-01-01"'),
        ({"sinceTime": "x", "sinceSeconds": "1"}, "at most one of sinceTime or sinceSeconds may be given"),
    ],
)
def test_what_cannot_be_read_is_told(query: dict[str, str], message: str) -> None:
    with pytest.raises(StatusError) as caught:
        log_options(query, now=0)
    assert str(caught.value) == message
