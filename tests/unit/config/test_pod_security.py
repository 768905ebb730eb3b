from __future__ import annotations

import pytest

from hostpod.config import Config, ConfigError, parse_config
from hostpod.config.reload import reloaded

SETTINGS = """\
manifests: {directory: /a, directories: [/b], url: "http://host/pods"}
podSecurity:
  enforce: baseline
  warn: restricted
  sources:
    /b: {enforce: restricted}
    url: {warn: privileged}
"""


def test_a_source_has_what_it_says_and_the_rest_of_all() -> None:
    found = parse_config(SETTINGS, file="f").pod_security
    assert found.of_source("/a") == ("baseline", "restricted")
    assert found.of_source("/b") == ("restricted", "restricted")
    assert found.of_source("url") == ("baseline", "privileged")
    assert Config().pod_security.of_source("/a") == ("privileged", "privileged")


def test_each_mistake_has_its_line() -> None:
    text = """\
podSecurity:
  enforce: basline
  sources:
    /etc/hostpod/manifests: {enforce: restricted, foo: 1}
    /etc/hostpod/manifests: {warn: restrictd}
    /srv: 1
"""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="f")
    assert str(caught.value).splitlines() == [
        'f:2: podSecurity.enforce: "basline" is not known, must be one of privileged, baseline, restricted',
        "f:4: podSecurity.sources./etc/hostpod/manifests.foo: unknown setting; there are enforce, warn",
        (
            'f:5: podSecurity.sources./etc/hostpod/manifests.warn: "restrictd" is not known, '
            "must be one of privileged, baseline, restricted"
        ),
        "f:5: podSecurity.sources./etc/hostpod/manifests: written twice, first in line 4; keep one",
        "f:6: podSecurity.sources./srv: 1 must be a group of settings, one a line, indented below the key",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/x", "/x: is no directory of manifests, there are /etc/hostpod/manifests"),
        ("url", "url: is of no use, manifests.url is not set"),
    ],
)
def test_a_source_that_there_is_not(source: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"podSecurity:\n  sources:\n    {source}: {{}}\n", file="f")
    assert str(caught.value) == f"f:3: podSecurity.sources.{words}"


def test_no_map() -> None:
    with pytest.raises(ConfigError, match=r"f:2: podSecurity.sources: a list must be a map, write for example"):
        parse_config("podSecurity:\n  sources: [/b]\n", file="f")


def test_a_reload_takes_it_also_beside_a_directory_that_waits_for_a_restart() -> None:
    held = parse_config("manifests: {directory: /a}", file="f")
    found = reloaded(held, parse_config(SETTINGS, file="f"))
    assert found.config.pod_security.of_source("/b") == ("restricted", "restricted")
    assert "manifests.directories" in found.need_restart
    assert "podSecurity.enforce privileged → baseline" in found.changed
