"""Variables of an env file: a subset of a shell's assignments, with values between single quotes. Pure.

    # comment
    NAME='anything, over lines too'  # comment

The form is that of k8s.io/kubernetes/pkg/kubelet/util/env: nothing is escaped or expanded, `NAME= 'x'` is empty, and
what is no assignment is an error, up to the variable that is looked for.
"""

from __future__ import annotations

import re

from hostpod.oci.values import SpecError

_NOTHING = re.compile(r"[ \t]*(#[^\n]*)?(\n|\Z)")
_NAME = re.compile(r"[ \t]*([^=\n]*[^=\s])=")
_EMPTY = re.compile(r"[ \t][^\n]*(\n|\Z)")
_VALUE = re.compile(r"'([^']*)'[ \t]*(#[^\n]*)?(\n|\Z)")
_FORM = "write NAME='value'"


def env_file_value(text: str, name: str) -> str | None:
    """The value of a variable, the first of the name; None where it is not set. SpecError names the line."""
    text, at = text.replace("\r\n", "\n"), 0
    while at < len(text):
        if nothing := _NOTHING.match(text, at):
            at = nothing.end()
            continue
        named = _NAME.match(text, at)
        if named is None:
            raise _misformed(text, at)
        found = _EMPTY.match(text, named.end()) or _VALUE.match(text, named.end())
        if found is None:
            raise _misformed(text, at)
        if named[1] == name:
            return found[1] if found.re is _VALUE else ""
        at = found.end()
    return None


def _misformed(text: str, at: int) -> SpecError:
    return SpecError(f"line {text.count(chr(10), 0, at) + 1} is no variable: {_FORM}")
