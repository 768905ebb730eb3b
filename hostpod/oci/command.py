"""The image's entrypoint and cmd against the pod's command and args."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hostpod.kube.expansion import expand
from hostpod.oci.values import ImageDefaults, SpecError


def process_arguments(
    command: Sequence[str], args: Sequence[str], image: ImageDefaults, variables: Mapping[str, str]
) -> list[str]:
    """What runs. `command` replaces entrypoint and cmd both, `args` alone only the cmd.

    Raises SpecError when neither says anything.
    """
    first = command or image.entrypoint
    rest = args if command or args else image.cmd
    words = [
        *(expand(word, variables) if command else word for word in first),
        *(expand(word, variables) if args else word for word in rest),
    ]
    if not words:
        raise SpecError("neither the image nor the pod says what to run: set command")
    return words
