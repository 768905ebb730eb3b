from __future__ import annotations

import pytest

from hostpod.kube.expansion import expand, references


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "a"),
        ("x$(A)y$(B)z", "xaybz"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(MISSING)", "$(MISSING)"),
        ("$(EMPTY)", ""),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("$($(A)", "$($(A)"),
        ("$", "$"),
        ("a$$", "a$"),
        ("$()", "$()"),
        ("$(A)$(A)", "aa"),
        ("$(A)\n$(B)", "a\nb"),
        ("$(RECURSIVE)", "$(A)"),
    ],
)
def test_expansion_is_kubernetes_own(text: str, expanded: str) -> None:
    assert expand(text, {"A": "a", "B": "b", "EMPTY": "", "RECURSIVE": "$(A)"}) == expanded


def test_names_that_are_referred_to() -> None:
    assert references("a/$(A)/$$(B)/$(C)$(A)") == ["A", "C", "A"]
    assert references("plain") == []
