"""Environment variables of a container, and $(NAME) in its command, arguments and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hostpod.kube import EnvVar
from hostpod.oci.values import SpecError

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# `$$` stands for one `$`; whatever else follows a `$` stands for itself.
_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace each $(NAME) whose variable is known; an unknown one stays as it is written, $$(NAME) is $(NAME)."""
    return _REFERENCE.sub(lambda found: "$" if found[1] else variables.get(found[2], found[0]), text)


def pod_variables(variables: Iterable[EnvVar]) -> dict[str, str]:
    """The pod's own variables in order: a value may refer to those before it, and the last of a name counts."""
    known: dict[str, str] = {}
    for variable in variables:
        if variable.value_from is not None:
            raise SpecError(f"variable {variable.name}: valueFrom is not supported")
        known[variable.name] = expand(variable.value or "", known)
    return known


def environment(*, image: Iterable[str], pod: Mapping[str, str], hostname: str, tty: bool) -> list[str]:
    """Everything a process finds: defaults, then the image's, then the pod's; a later one replaces an earlier one."""
    found = {"PATH": DEFAULT_PATH}
    if tty:
        found["TERM"] = "xterm"
    found["HOSTNAME"] = hostname
    for entry in image:
        name, _, value = entry.partition("=")
        found[name] = value
    found.update(pod)
    return [f"{name}={value}" for name, value in found.items()]
