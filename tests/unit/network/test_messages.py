"""Messages are read back with pyroute2's decoder, whichever way they were made."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address
from typing import Any

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from hostpod.network import messages
from hostpod.network.address import host_end_mac, pod_mac

ADDRESS = IPv4Address("10.85.0.2")


def read(kind: Any, encoded: bytes) -> Any:
    message = kind(encoded)
    message.decode()
    return message


def split(batch: bytes) -> list[bytes]:
    found = []
    while batch:
        (length,) = struct.unpack_from("=I", batch)
        found.append(batch[:length])
        batch = batch[length:]
    return found


def test_a_pods_link_is_one_message_with_both_ends() -> None:
    template = messages.pod_link_template(name_length=12, bridge_index=7)
    values = {
        "name": b"hp0123456789",
        "host_mac": host_end_mac(ADDRESS),
        "pod_mac": pod_mac(ADDRESS),
        "mtu": messages.number(1400),
        "netns": messages.number(5),
    }
    link = read(ifinfmsg, template.fill(values))
    assert link.get_attr("IFLA_IFNAME") == "hp0123456789"
    assert link.get_attr("IFLA_MASTER") == 7
    assert link.get_attr("IFLA_MTU") == 1400
    assert link.get_attr("IFLA_ADDRESS") == "0a:68:0a:55:00:02"
    assert link["flags"] & 1
    assert link["header"]["flags"] == 0x605
    info = link.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "veth"
    peer = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert peer.get_attr("IFLA_IFNAME") == "eth0"
    assert peer.get_attr("IFLA_MTU") == 1400
    assert peer.get_attr("IFLA_ADDRESS") == "0a:58:0a:55:00:02"
    assert peer.get_attr("IFLA_NET_NS_FD") == 5
    assert not peer["flags"] & 1


def test_a_pods_setup_is_one_batch_numbered_from_one() -> None:
    template = messages.pod_setup_template([IPv4Interface("10.85.0.1/16")])
    batch = split(template.fill({"index": messages.number(9), "address": ADDRESS.packed}))
    assert len(batch) == len(messages.POD_SETUP_STEPS)
    assert [struct.unpack_from("=I", m, 8)[0] for m in batch] == [1, 2, 3, 4]
    loopback, link = read(ifinfmsg, batch[0]), read(ifinfmsg, batch[1])
    assert (loopback["index"], loopback["flags"], loopback["change"]) == (1, 1, 1)
    assert (link["index"], link["flags"], link["change"]) == (9, 1, 1)
    address, route = read(ifaddrmsg, batch[2]), read(rtmsg, batch[3])
    assert (address["index"], address["prefixlen"], address.get_attr("IFA_LOCAL")) == (9, 16, "10.85.0.2")
    assert (route["dst_len"], route.get_attr("RTA_GATEWAY"), route.get_attr("RTA_OIF")) == (0, "10.85.0.1", 9)


def test_a_pod_with_two_addresses_has_a_way_out_by_each() -> None:
    template = messages.pod_setup_template([IPv4Interface("10.85.0.1/16"), IPv6Interface("fd00:85::1/64")])
    values = {
        "index": messages.number(9),
        "address": ADDRESS.packed,
        "address6": IPv6Address("fd00:85::2").packed,
    }
    batch = split(template.fill(values))
    assert len(batch) == len(messages.POD_SETUP_STEPS6)
    assert [struct.unpack_from("=I", m, 8)[0] for m in batch] == [1, 2, 3, 4, 5, 6]
    address, route = read(ifaddrmsg, batch[4]), read(rtmsg, batch[5])
    assert (address["family"], address["index"], address["prefixlen"]) == (10, 9, 64)
    assert address.get_attr("IFA_ADDRESS") == address.get_attr("IFA_LOCAL") == "fd00:85::2"
    assert address["flags"] == 2  # usable at once
    assert (route["family"], route["dst_len"], route.get_attr("RTA_OIF")) == (10, 0, 9)
    assert route.get_attr("RTA_GATEWAY") == "fd00:85::1"
    assert read(rtmsg, batch[3]).get_attr("RTA_GATEWAY") == "10.85.0.1"


def test_a_question_for_the_way_is_one_for_a_single_address() -> None:
    for text, family, length in (("192.0.2.1", 2, 32), ("2001:db8::1", 10, 128)):
        route = read(rtmsg, messages.route_to(ip_address(text)))
        assert (route["family"], route["dst_len"], route.get_attr("RTA_DST")) == (family, length, text)


def test_a_bridge_has_no_spanning_tree_and_an_address_of_its_own() -> None:
    bridge = read(ifinfmsg, messages.make_bridge("hostpod0", bytes.fromhex("0e700a550001")))
    data = bridge.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    assert data.get_attr("IFLA_BR_STP_STATE") == 0
    assert data.get_attr("IFLA_BR_FORWARD_DELAY") == 0
    assert data.get_attr("IFLA_BR_MCAST_SNOOPING") == 0
    assert bridge.get_attr("IFLA_ADDRESS") == "0e:70:0a:55:00:01"


def test_an_address_carries_its_prefix() -> None:
    interface = IPv4Interface("10.85.0.1/16")
    for encoded in (messages.add_address(3, interface), messages.remove_address(3, interface)):
        message = read(ifaddrmsg, encoded)
        assert (message["index"], message["prefixlen"], message.get_attr("IFA_ADDRESS")) == (3, 16, "10.85.0.1")


def test_a_link_is_moved_by_a_message_that_needs_the_link() -> None:
    # RTM_NEWLINK with a group would change all links of the group when there is none of the name.
    encoded = messages.move_to_group("hp0123456789", 77)
    assert struct.unpack_from("=H", encoded, 4)[0] == 19
    assert read(ifinfmsg, encoded).get_attr("IFLA_GROUP") == 77


def test_a_port_of_a_bridge_is_turned_round_and_isolated_apart() -> None:
    both = read(ifinfmsg, messages.bridge_port("hp1", hairpin=True, isolated=False)).get_attr("IFLA_LINKINFO")
    assert both.get_attr("IFLA_INFO_SLAVE_KIND") == "bridge"
    data = both.get_attr("IFLA_INFO_SLAVE_DATA")
    assert (data.get_attr("IFLA_BRPORT_MODE"), data.get_attr("IFLA_BRPORT_ISOLATED")) == (1, 0)
    one = read(ifinfmsg, messages.isolated_port("hp1", isolated=True)).get_attr("IFLA_LINKINFO")
    data = one.get_attr("IFLA_INFO_SLAVE_DATA")
    assert (data.get_attr("IFLA_BRPORT_MODE"), data.get_attr("IFLA_BRPORT_ISOLATED")) == (None, 1)
