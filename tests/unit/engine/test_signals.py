from __future__ import annotations

import pytest

from hostpod.engine.signals import signal_number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("SIGQUIT", 3),
        ("quit", 3),
        ("9", 9),
        ("SIGRTMIN+3", 37),  # what images of systemd ask for
        ("RTMAX-1", 63),
        ("64", 64),
        ("", 15),
        ("0", 15),
        ("65", 15),
        ("SIGRTMIN+99", 15),
        ("SIGNONSENSE", 15),
        ("TERM+1", 15),
        ("SIGRTMIN+" + "9" * 5000, 15),
        ("9" * 5000, 15),
    ],
)
def test_the_stop_signal_of_an_image(name: str, number: int) -> None:
    assert signal_number(name) == number
