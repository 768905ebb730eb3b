"""Against the real kernel: questions and refusals need no rights."""

from __future__ import annotations

import errno

import pytest

from hostpod.network import answers, messages
from hostpod.network.errors import NetlinkError
from hostpod.network.netlink import Netlink


def test_one_link_is_asked_for_by_name_and_by_index() -> None:
    with Netlink() as netlink:
        by_name = answers.link(netlink.ask(messages.link_by_name("lo"), what="look at lo"))
        assert (by_name.name, by_name.index) == ("lo", netlink.link_index("lo"))
        assert answers.link(netlink.ask(messages.link_by_index(by_name.index), what="look at lo")) == by_name


def test_all_links_are_listed() -> None:
    with Netlink() as netlink:
        assert "lo" in {answers.link(a).name for a in netlink.dump(messages.all_links(), what="list links")}


def test_a_link_that_is_not_there() -> None:
    with Netlink() as netlink:
        assert netlink.link_index("nosuchlink") is None
        with pytest.raises(NetlinkError, match="cannot look at it: no such device") as refused:
            netlink.ask(messages.link_by_name("nosuchlink"), what="look at it")
    assert refused.value.number == errno.ENODEV


def test_the_message_that_was_refused_is_named_and_the_others_are_not() -> None:
    batch = messages.link_up(1 << 30, sequence=1) + messages.link_up((1 << 30) + 1, sequence=2)
    with Netlink() as netlink, pytest.raises(NetlinkError, match="cannot do the first"):
        netlink.change(batch, what=("do the first", "do the second"))


def test_the_kernels_own_words_are_in_the_message() -> None:
    with Netlink() as netlink, pytest.raises(NetlinkError) as refused:
        netlink.ask(messages.link_by_name("a-name-that-is-too-long"), what="look at it")
    assert str(refused.value) == (
        "cannot look at it: numerical result out of range (Attribute failed policy validation)"
    )


def test_a_socket_that_joined_a_group_can_be_drained_at_any_time() -> None:
    with Netlink(groups=(7,)) as netlink:
        netlink.news()
        assert netlink.fileno() >= 0
