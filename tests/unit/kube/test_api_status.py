from __future__ import annotations

import pytest

from hostpod.kube.api_status import REASONS, StatusError, failure


def test_a_refusal_is_a_status() -> None:
    error = StatusError("NotFound", 'pods "x" not found')
    assert str(error) == 'pods "x" not found'
    assert error.code == 404
    assert error.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods "x" not found',
        "reason": "NotFound",
        "code": 404,
    }


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_a_code(reason: str) -> None:
    assert 400 <= failure(reason, "no")["code"] < 600  # type: ignore[arg-type]
