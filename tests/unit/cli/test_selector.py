from __future__ import annotations

import pytest

from hostpod.cli.selector import SelectorError, matches

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "met"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app!=db", True),
        ("none!=db", True),
        ("app!=web", False),
        ("app", True),
        ("none", False),
        ("!none", True),
        ("!app", False),
        ("app=web, tier=front", True),
        ("app=web,tier=back", False),
    ],
)
def test_equality_selectors(selector: str, met: bool) -> None:
    assert matches(selector, LABELS) is met


def test_set_selectors_are_refused() -> None:
    with pytest.raises(SelectorError, match=r'^cannot read selector "app in \(a": write key=value'):
        matches("app in (a,b)", LABELS)
