from __future__ import annotations

import pytest

from hostpod.oci import ImageDefaults, SpecError
from hostpod.oci.command import process_arguments

IMAGE = ImageDefaults(entrypoint=("/entry", "-e"), cmd=("cmd", "$(A)"))


@pytest.mark.parametrize(
    ("command", "args", "runs"),
    [
        ([], [], ["/entry", "-e", "cmd", "$(A)"]),
        (["/bin/x"], [], ["/bin/x"]),
        ([], ["y", "$(A)"], ["/entry", "-e", "y", "a"]),
        (["/bin/$(A)"], ["$$(A)"], ["/bin/a", "$(A)"]),
    ],
)
def test_the_pod_against_the_image(command: list[str], args: list[str], runs: list[str]) -> None:
    assert process_arguments(command, args, IMAGE, {"A": "a"}) == runs


def test_an_image_with_a_cmd_alone() -> None:
    assert process_arguments([], [], ImageDefaults(cmd=("sh",)), {}) == ["sh"]
    assert process_arguments([], ["x"], ImageDefaults(cmd=("sh",)), {}) == ["x"]


def test_nothing_to_run_is_said() -> None:
    with pytest.raises(SpecError, match="neither the image nor the pod says what to run: set command"):
        process_arguments([], [], ImageDefaults(), {})
