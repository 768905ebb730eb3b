from __future__ import annotations

import pytest

from hostpod.network.template import Template


def test_every_mark_is_replaced_and_the_rest_stays() -> None:
    template = Template(b"<AA>--<BB>--<AA>", {"a": b"AA", "b": b"BB"})
    assert template.fill({"a": b"12", "b": b"34"}) == b"<12>--<34>--<12>"
    assert template.fill({"a": b"BB", "b": b"AA"}) == b"<BB>--<AA>--<BB>"


def test_a_value_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a takes 2 octets, not 3"):
        Template(b"<AA>", {"a": b"AA"}).fill({"a": b"123"})


def test_a_message_without_its_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="no mark for b"):
        Template(b"<AA>", {"a": b"AA", "b": b"BB"})
