from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.config import ConfigError, parse_config
from hostpod.config.names import fitted, node_name


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="h.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", ["a", "web1", "node-1.example.com", "a" * 253])
def test_a_node_name(name: str) -> None:
    assert parse_config(f'nodeName: "{name}"', file="h.yaml").node_name == name


@pytest.mark.parametrize("name", ["", "My_Host", "-a", "a-", "a..b", "a.", "a/b", "a b", "ä"])
def test_what_is_no_node_name(name: str) -> None:
    assert refusal(f'nodeName: "{name}"') == (
        f'h.yaml:1: nodeName: "{name}" cannot be used, must be lower case letters, digits, - and ., '
        "each part beginning and ending with a letter or digit"
    )


def test_a_node_name_that_is_too_long() -> None:
    assert refusal(f"nodeName: {'a' * 254}").endswith('a…" is too long for a node name, at most 253 characters')


@pytest.mark.parametrize(
    ("host_name", "name"),
    [
        ("web1", "web1"),
        ("Web1.Example.COM", "web1.example.com"),
        ("my_host", "my-host"),
        ("-my__host-.", "my-host"),
        ("(none)", "none"),
        ("___", "localhost"),
        ("", "localhost"),
        ("a" * 252 + "_b", "a" * 252),
    ],
)
def test_a_host_name_is_made_to_fit(host_name: str, name: str) -> None:
    assert fitted(host_name) == name


@given(st.text(max_size=300))
def test_whatever_the_host_is_called_the_node_has_a_name(host_name: str) -> None:
    assert node_name(fitted(host_name))


def test_the_default_is_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "My_Host.example")
    assert parse_config("", file="h.yaml").node_name == "my-host.example"


@pytest.mark.parametrize("name", ["b", "hostpod0", "br.100", "a" * 15, "ü" * 7])
def test_a_bridge_name(name: str) -> None:
    assert parse_config(f"network: {{bridge: '{name}'}}", file="h.yaml").network.bridge == name


@pytest.mark.parametrize("name", [".", "..", "a/b", "a b", "a:b", "a" * 16, "ü" * 8])
def test_what_is_no_bridge_name(name: str) -> None:
    words = "cannot be used, must be 1 to 15 bytes without /, : and white space"
    assert refusal(f"network: {{bridge: '{name}'}}") == f'h.yaml:1: network.bridge: "{name}" {words}'


IMAGES = "images: {{pullCredentialsVerification: NeverVerifyAllowlistedImages, {key}: ['{pattern}']}}"
KEY = "preloadedImagesVerificationAllowlist"


@pytest.mark.parametrize(
    "pattern", ["reg.io/*", "reg.io/team/*", "reg.io/team/web", "reg:5000/web", "localhost/a_b/c--d", "[::1]:5000/a"]
)
def test_an_image_pattern(pattern: str) -> None:
    parsed = parse_config(IMAGES.format(key=KEY, pattern=pattern), file="h.yaml")
    assert parsed.images.preloaded_images_verification_allowlist == (pattern,)


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "/*", "web", "library/web", "reg.io", " reg.io/a", "reg.io/a:1", "reg.io/a*", "*.io/a", "r.io/A"],
)
def test_what_is_no_image_pattern(pattern: str) -> None:
    assert f'{KEY}: "{pattern}" cannot be used, must be REGISTRY/PATH' in refusal(
        IMAGES.format(key=KEY, pattern=pattern)
    )


def test_an_allowlist_belongs_to_its_policy() -> None:
    words = f"h.yaml:1: images: {KEY} is of no use without pullCredentialsVerification: NeverVerifyAllowlistedImages"
    assert refusal(f"images: {{{KEY}: [reg.io/a]}}") == words
