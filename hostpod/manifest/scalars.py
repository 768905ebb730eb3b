"""What an unquoted word of YAML means: as sigs.k8s.io/yaml reads it for Kubernetes, which is not how PyYAML does.

Booleans are YAML 1.1's (`yes`, `on`, `n`), octal is `0644` and `0o644`; base 60 and dates do not exist. Whole floats
are integers, because that is how Go writes them into JSON.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("n", "no", "false", "off") for form in (word, word.title(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][+-]?\d+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_LONGEST_NUMBER = 400
_LARGEST_PLAIN = 1e21


def resolve(text: str) -> Scalar:
    """The value of an unquoted word."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text if text[0] == "." else text.replace("_", "")
    integer = _INTEGER.fullmatch(digits)
    if integer is not None:
        sign, *candidates = integer.groups()
        (value,) = (int(found, base) for found, base in zip(candidates, _BASES, strict=True) if found)
        return -value if sign == "-" else value
    return _number(digits, text) if _FLOAT.fullmatch(digits) else text


def _number(digits: str, text: str) -> Scalar:
    value = float(digits)
    if math.isinf(value):
        return text
    return int(value) if value.is_integer() and abs(value) < _LARGEST_PLAIN else value
