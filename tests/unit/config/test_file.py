from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostpod.config import Config, ConfigError, load_config, parse_config


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="h.yaml")
    return str(caught.value).splitlines()


def test_settings_are_read() -> None:
    config = parse_config(
        "nodeName: web1\nmanifests:\n  directory: /srv/pods\n  rescanInterval: 1m30s\nimages: {layers: directory}\n",
        file="h.yaml",
    )
    assert config.node_name == "web1"
    assert config.manifests.directory == Path("/srv/pods")
    assert config.manifests.rescan_interval_s == 90
    assert config.images.layers == "directory"


def test_sources_of_manifests() -> None:
    config = parse_config(
        "manifests: {directories: [/a, /b], url: 'https://u:pw@x/pods', urlCaFile: /ca, urlInterval: 1m}", file="h.yaml"
    ).manifests
    assert config.all_directories == (Path("/etc/hostpod/manifests"), Path("/a"), Path("/b"))
    assert (config.url, config.url_ca_file, config.url_interval_s) == ("https://u:pw@x/pods", Path("/ca"), 60)
    assert "pw" not in repr(config)


@pytest.mark.parametrize(
    "url", ["ftp://u:pw@x/", "http://", "http://u:pw@x:99999/", "https://x/a b", "pw", "http://é/"]
)
def test_a_url_that_cannot_be_asked_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(f"manifests: {{url: '{url}'}}", file="h.yaml")
    assert str(refused.value) == (
        "h.yaml:1: manifests.url: this is no http:// or https:// address that can be asked, "
        "write for example https://host/pods"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "manifests:\n"])
def test_an_empty_file_or_group_means_the_defaults(text: str) -> None:
    assert parse_config(text, file="h.yaml") == Config()


def test_every_problem_is_told_with_its_line_and_what_to_do() -> None:
    text = """\
nodename: x
max_pods: 3
maxPods: "20"
manifests:
  directory: relative
  rescanInterval: 0s
  settle: soon
  maxBytes: 2048
  maxBytes: 12
network:
  subnet: 10.0.0.1/8
  bridge: ""
  table: 9
images:
  layers: zip
  registriesConf: [a]
cgroups: 3
podNameSuffix: "no"
http: {address: localhost, readOnlyPort: 70000}
"""
    assert problems(text) == [
        'h.yaml:1: nodename: unknown setting, did you mean "nodeName"?',
        'h.yaml:2: max_pods: unknown setting, did you mean "maxPods"?',
        'h.yaml:3: maxPods: "20" is not a whole number',
        'h.yaml:5: manifests.directory: "relative" is not an absolute path, it must begin with /',
        'h.yaml:6: manifests.rescanInterval: "0s" is out of range, must be from 1s to 1h',
        'h.yaml:7: manifests.settle: "soon" is not a duration, write for example 20s, 1m30s or 500ms',
        "h.yaml:9: manifests.maxBytes: 12 is out of range, must be from 1024 to 1073741824",
        "h.yaml:9: manifests.maxBytes: written twice, first in line 8; keep one",
        (
            'h.yaml:11: network.subnet: "10.0.0.1/8" is not an IPv4 subnet (10.0.0.1/8 has host bits set), '
            "write for example 10.85.0.0/16"
        ),
        'h.yaml:12: network.bridge: "" cannot be used, must be 1 to 15 bytes without /, : and white space',
        "h.yaml:13: network.table: 9 is not text, put it in quotes",
        'h.yaml:15: images.layers: "zip" is not known, must be one of auto, squashfs, directory',
        "h.yaml:16: images.registriesConf: a list is not text, put it in quotes",
        "h.yaml:17: cgroups: 3 must be a group of settings, one a line, indented below the key",
        'h.yaml:18: podNameSuffix: "no" must be true or false',
        'h.yaml:19: http.address: "localhost" is not an IP address, write for example 127.0.0.1',
        "h.yaml:19: http.readOnlyPort: 70000 is out of range, must be from 0 to 65535",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "h.yaml:1: not YAML: expected the node content, but found '<stream end>'"),
        ("nodeName: a\n b: 2", "h.yaml:2: not YAML: mapping values are not allowed here"),
        ("? [a]\n: 3\n", "h.yaml:1: not YAML: found unhashable key"),
        ("\x00", "h.yaml:1: not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("- x", "h.yaml:1: must be settings of the form `key: value`"),
        (
            "manifests: {directories: [/a, b]}",
            'h.yaml:1: manifests.directories: "b" is not an absolute path, it must begin with /',
        ),
        (
            "manifests: {directories: /a}",
            'h.yaml:1: manifests.directories: "/a" must be a list, write for example [/srv/pods]',
        ),
        (
            "manifests: {directory: /a, directories: [/b, /a]}",
            "h.yaml:1: manifests: directories: /a is named twice, by directory or here; keep one",
        ),
        (
            "manifests: {urlHeadersFile: /h}",
            "h.yaml:1: manifests: urlHeadersFile and urlCaFile are of no use without url: set it, or remove them",
        ),
        (
            "manifests: {url: 'http://x', urlCaFile: /h}",
            "h.yaml:1: manifests: urlCaFile is of no use with an http:// address: write https://, or remove it",
        ),
        (
            "images:\n  gcHighThresholdPercent: 70",
            ("h.yaml:2: images: gcLowThresholdPercent (80) must be less than gcHighThresholdPercent (70): set both"),
        ),
        (
            "images: {maximumGCAge: 1m}",
            (
                "h.yaml:1: images: maximumGCAge (60s) must be more than minimumGCAge (120s), or 0: no image is removed "
                "for its age then"
            ),
        ),
        ("backoff: {initial: 20s, max: 10s}", "h.yaml:1: backoff: max (10s) is less than initial (20s)"),
        (
            "maxPods: 9\nshutdownGracePeriod: 10s",
            (
                "h.yaml:2: shutdownGracePeriodCriticalPods (10s) must be less than shutdownGracePeriod (10s): "
                "the rest is what all other pods have; set both"
            ),
        ),
        (
            "maxPods: 9\nlogLevel: info\nshutdownGracePeriodCriticalPods: 1m",
            (
                "h.yaml:3: shutdownGracePeriodCriticalPods (60s) must be less than shutdownGracePeriod (30s): "
                "the rest is what all other pods have; set both"
            ),
        ),
        (
            "network: {subnet: 10.0.0.0/30}",
            (
                'h.yaml:1: network.subnet: "10.0.0.0/30" cannot hold the bridge and pods, '
                "its prefix length must be from 8 to 29"
            ),
        ),
        (
            "network: {subnet6: 'fd00::1/64'}",
            (
                'h.yaml:1: network.subnet6: "fd00::1/64" is not an IPv6 subnet (fd00::1/64 has host bits set), '
                "write for example fd3b:6a5c:91d2::/64"
            ),
        ),
        (
            "network: {subnet6: 'fd00::/120'}",
            'h.yaml:1: network.subnet6: "fd00::/120" cannot be used, its prefix length must be from 64 to 112',
        ),
        (
            "network: {subnet6: 'fe80::/64'}",
            (
                'h.yaml:1: network.subnet6: "fe80::/64" cannot be used, it must lie in fc00::/7 (a site\'s own) or in '
                "2000::/3 (everybody's), write for example fd3b:6a5c:91d2::/64"
            ),
        ),
        (
            "network: {subnet: 10.0.0.0/8, subnet6: 'fd00::/112'}",
            ("h.yaml:1: network: subnet6 fd00::/112 has fewer addresses than subnet 10.0.0.0/8: choose a wider one"),
        ),
        (
            "network: {subnet6: 'fd00::/64', mtu: 1279}",
            "h.yaml:1: network: mtu 1279 is too small for subnet6: IPv6 needs 1280",
        ),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_an_ipv6_subnet_may_be_as_narrow_as_the_ipv4_one() -> None:
    text = "network: {subnet: 10.85.0.0/16, subnet6: 'fd00:85::/112', mtu: 1280}"
    assert parse_config(text, file="h.yaml").network.subnet6 == "fd00:85::/112"
    assert parse_config("network: {mtu: 576}", file="h.yaml").network.subnet6 is None


def test_a_shutdown_that_is_not_held_up_leaves_nothing_to_share() -> None:
    assert parse_config("shutdownGracePeriod: 0s", file="h.yaml").shutdown_grace_period_s == 0


def test_a_key_that_resembles_nothing_gets_the_list_of_keys() -> None:
    (problem,) = problems("cgroups: {zzz: 1}")
    assert problem == "h.yaml:1: cgroups.zzz: unknown setting; there are driver, pidsLimit, root"


def test_a_missing_default_file_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.config.file.DEFAULT_PATH", tmp_path / "none.yaml")
    assert load_config() == Config()


def test_a_missing_named_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such file"):
        load_config(tmp_path / "none.yaml")


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(ConfigError, match=f"^{path}: is no regular file"):
            load_config(path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(binary)


def test_the_issuer_of_tokens() -> None:
    assert parse_config("nodeName: a", file="h.yaml").token_issuer == "https://a"
    text = "serviceAccounts: {issuer: 'https://id.example.org/pods/'}"
    assert parse_config(text, file="h.yaml").token_issuer == "https://id.example.org/pods"


@pytest.mark.parametrize(
    "issuer", ["http://a", "a", "https://", "https://u@a", "https://a?b", "https://a#b", "https://[a"]
)
def test_what_is_no_issuer(issuer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"serviceAccounts: {{issuer: '{issuer}'}}", file="h.yaml")
    assert str(caught.value) == (
        f'h.yaml:1: serviceAccounts.issuer: "{issuer}" cannot be an issuer, must be https:// with a host and without '
        "user, query and fragment"
    )


def test_devices_are_a_list_of_groups() -> None:
    (device,) = parse_config("devices: [{resource: example.com/a, paths: [/dev/a]}]", file="h.yaml").devices
    assert (device.resource, device.paths, device.permissions, device.count) == (
        "example.com/a", (Path("/dev/a"),), "rw", 1
    )  # fmt: skip
    text = """\
devices:
  - {resource: plain, paths: [], pathes: [/x]}
  - resource: example.com/a
    paths: [dev]
    permissions: mr
    count: 0
    count: 1
  - {paths: [/dev/b]}
  - /dev/c
memoryQos: {throttlingFactor: 2}
memorySwap: {swapBehavior: Swap}
"""
    assert problems(text) == [
        'h.yaml:2: devices.pathes: unknown setting, did you mean "paths"?',
        "h.yaml:2: devices.paths: must name one path at least",
        'h.yaml:2: devices.resource: "plain" cannot be used, must be a name with a domain, like example.com/serial',
        'h.yaml:4: devices.paths: "dev" is not an absolute path, it must begin with /',
        'h.yaml:5: devices.permissions: "mr" cannot be used, must be r, w and m, in this order, one at least',
        "h.yaml:7: devices.count: written twice, first in line 6; keep one",
        "h.yaml:8: devices: resource is missing",
        'h.yaml:9: devices: "/dev/c" must be a group of settings, one a line, indented below the key',
        "h.yaml:10: memoryQos.throttlingFactor: 2 is out of range, must be from 0.01 to 1",
        'h.yaml:11: memorySwap.swapBehavior: "Swap" is not known, must be one of NoSwap, LimitedSwap',
    ]
    twice = "devices: [{resource: a.b/c, paths: [/dev/a]}, {resource: a.b/c, paths: [/dev/b]}]"
    assert problems(twice) == [
        "h.yaml:1: devices: a.b/c is named twice; write all of its paths in one place, or take two names"
    ]
