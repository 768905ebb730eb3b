from __future__ import annotations

import pytest

from hostpod.kube import EnvVar, EnvVarSource
from hostpod.oci import SpecError
from hostpod.oci.env import DEFAULT_PATH, environment, expand, pod_variables


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


def test_a_value_refers_to_what_stands_before_it() -> None:
    variables = [
        EnvVar(name="HOST", value="db"),
        EnvVar(name="URL", value="http://$(HOST):$(PORT)"),
        EnvVar(name="PORT", value="80"),
        EnvVar(name="EMPTY"),
        EnvVar(name="HOST", value="other"),
    ]
    assert pod_variables(variables) == {"HOST": "other", "URL": "http://db:$(PORT)", "PORT": "80", "EMPTY": ""}


def test_a_value_from_elsewhere_is_refused() -> None:
    with pytest.raises(SpecError, match="variable X: valueFrom is not supported"):
        pod_variables([EnvVar(name="X", value_from=EnvVarSource())])


def test_the_pod_comes_after_the_image_and_the_image_after_the_defaults() -> None:
    found = environment(
        image=["PATH=/bin", "A=image", "B=image=x", "ODD"], pod={"A": "pod", "C": ""}, hostname="web", tty=True
    )
    assert found == ["PATH=/bin", "TERM=xterm", "HOSTNAME=web", "A=pod", "B=image=x", "ODD=", "C="]


def test_defaults() -> None:
    assert environment(image=[], pod={}, hostname="web", tty=False) == [f"PATH={DEFAULT_PATH}", "HOSTNAME=web"]
