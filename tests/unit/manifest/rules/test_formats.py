from __future__ import annotations

import pytest

from hostpod.manifest.rules import formats
from hostpod.manifest.rules.violation import Format

LONG = "a" * 64


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (formats.dns_label, ["a", "web-1", "0", "a" * 63]),
        (formats.dns_subdomain, ["a", "a.b", "web-1.example.com", ".".join(["a" * 61] * 4)]),
        (formats.search_domain, [".", "example.com", "example.com.", "_sip._tcp.abc_d.example.com"]),
        (formats.qualified_name, ["app", "App_1.x-y", "example.com/Name", "a" * 63]),
        (formats.label_value, ["", "a", "A-b_c.d", "a" * 63]),
        (formats.port_name, ["http", "a-1", "8a", "a" * 15]),
        (formats.environment_name, ["PATH", "a b", "!\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~"]),
        (formats.config_key, ["a", ".hidden", "A_b-c.d", "a" * 253]),
        (formats.header_name, ["X-Forwarded-For", "1"]),
        (formats.ip_address, ["10.9.8.7", "2001:db8::1", "::"]),
        (formats.sysctl_name, ["net.core.somaxconn", "net/ipv4/tcp_syncookies", "kernel.shm_rmid_forced"]),
        (formats.signer_name, ["example.com/name", "a.b/c.d"]),
        (formats.relative_path, ["a", "a/b", "..a", ""]),
        (formats.descending_path, ["/a/b", "a"]),
        (formats.file_path, ["a", "a/..b", ".a"]),
        (formats.absolute_path, ["/", "/a"]),
        (formats.trimmed, ["a b", ""]),
    ],
)
def test_takes_what_kubernetes_takes(form: Format, texts: list[str]) -> None:
    assert [text for text in texts if form(text) is not None] == []


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (formats.dns_label, ["", "A", "-a", "a-", "a.b", "a_b", LONG, "a\n"]),
        (formats.dns_subdomain, ["", "A", "a..b", ".a", "a.", "a_b", "a" * 254]),
        (formats.search_domain, ["", "..", "_", "-", "a..b", "A", "a" * 254]),
        (formats.qualified_name, ["", "/a", "a/", "a/b/c", "Ex.com/a", "-a", "a-", "a b", LONG]),
        (formats.label_value, [" ", "-a", "a/b", LONG]),
        (formats.port_name, ["", "80", "1-2", "A", "-a", "a-", "a--b", "a" * 16]),
        (formats.environment_name, ["", "a=b", "ä", "a\tb"]),
        (formats.config_key, ["", ".", "..", "..a", "a/b", "a" * 254]),
        (formats.header_name, ["", "X_Y", "Host:"]),
        (formats.ip_address, ["", "a", "1.2.3", "001.2.3.4", "fe80::1%eth0", "::ffff:1.2.3.4"]),
        (formats.sysctl_name, ["", "a..b", "A", "net.core.", "a" * 254]),
        (formats.signer_name, ["", "name", "com/name", "a.b/", "a.b/c/d", "A.b/c"]),
        (formats.relative_path, ["/a", "..", "a/../b"]),
        (formats.descending_path, ["/a/..", "../a"]),
        (formats.file_path, ["/a", "a/..", "..data"]),
        (formats.absolute_path, ["", "a"]),
        (formats.trimmed, [" a", "a\n"]),
    ],
)
def test_refuses_what_kubernetes_refuses(form: Format, texts: list[str]) -> None:
    assert [text for text in texts if form(text) is None] == []


def test_every_form_says_what_to_write() -> None:
    assert formats.dns_label("A") == (
        'a DNS label: lower case letters, digits and "-", at most 63 characters, first and last no "-"'
    )
    assert formats.relative_path("/a") == 'a relative path: take the leading "/" away'
    assert formats.relative_path("a/..") == 'a path without ".."'
