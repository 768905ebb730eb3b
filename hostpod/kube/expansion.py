"""$(NAME) in commands, arguments, values of variables and subPathExpr; the rules are Kubernetes' own."""

from __future__ import annotations

import re
from collections.abc import Mapping

# `$$` stands for one `$`; whatever else follows a `$` stands for itself.
_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace each $(NAME) whose variable is known; an unknown one stays as it is written, $$(NAME) is $(NAME)."""
    return _REFERENCE.sub(lambda found: "$" if found[1] else variables.get(found[2], found[0]), text)


def references(text: str) -> list[str]:
    """The names that a text refers to, in order."""
    return [found[2] for found in _REFERENCE.finditer(text) if not found[1]]
