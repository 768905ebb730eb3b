"""Names of signals, as image files spell them."""

from __future__ import annotations

import re
import signal

_NUMBERS = {name.removeprefix("SIG"): int(number) for name, number in signal.Signals.__members__.items()}
_REAL_TIME = re.compile(r"(RTMIN|RTMAX)([+-][0-9]{1,2})")
_NUMBER = re.compile(r"[0-9]{1,3}")


def signal_number(name: str) -> int:
    """SIGTERM, term, 15 or SIGRTMIN+3 to the number; what is no signal's name is SIGTERM."""
    plain = name.strip().upper().removeprefix("SIG")
    if found := _REAL_TIME.fullmatch(plain):
        number = _NUMBERS[found[1]] + int(found[2])
        return number if signal.SIGRTMIN <= number <= signal.SIGRTMAX else signal.SIGTERM
    number = int(plain) if _NUMBER.fullmatch(plain) else _NUMBERS.get(plain, 0)
    return number if 0 < number <= signal.SIGRTMAX else signal.SIGTERM
