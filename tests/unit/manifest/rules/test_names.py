from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems

LABEL = 'a DNS label: lower case letters, digits and "-", at most 63 characters, first and last no "-"'
NAME = (
    'a DNS name: lower case letters, digits, "-" and ".", at most 253 characters, '
    "each part beginning and ending with a letter or digit"
)
ADDRESS = "an IP address, like 10.9.8.7 or 2001:db8::1 (no leading zeros)"
MISSING = "dnsConfig.nameservers: is missing, dnsPolicy None needs one nameserver at least"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostname": "web", "subdomain": "prod"}, []),
        ({"hostname": "a.b"}, [f'hostname: "a.b" must be {LABEL}']),
        ({"subdomain": "A"}, [f'subdomain: "A" must be {LABEL}']),
        ({"hostnameOverride": "web.example.com"}, []),
        ({"hostnameOverride": ""}, [f'hostnameOverride: "" must be {NAME}']),
        (
            {"hostnameOverride": f"{'a' * 40}.{'b' * 24}"},
            ["hostnameOverride: is longer than 64 characters, the most that Linux takes"],
        ),
        (
            {"hostnameOverride": "a", "hostNetwork": True, "setHostnameAsFQDN": True},
            [
                f"hostnameOverride: contradicts {name}: true, drop one of them"
                for name in ("hostNetwork", "setHostnameAsFQDN")
            ],
        ),
        ({"hostAliases": [{"ip": "::1", "hostnames": ["a", "b.c"]}]}, []),
        (
            {"hostAliases": [{"ip": "001.2.3.4", "hostnames": ["a", "@"]}]},
            [f'hostAliases[0].ip: "001.2.3.4" must be {ADDRESS}', f'hostAliases[0].hostnames[1]: "@" must be {NAME}'],
        ),
        (
            {"dnsPolicy": "Guess"},
            ['dnsPolicy: "Guess" is not known, write "ClusterFirst", "ClusterFirstWithHostNet", "Default" or "None"'],
        ),
        ({"dnsPolicy": "None"}, [MISSING]),
        ({"dnsPolicy": "None", "dnsConfig": {}}, [MISSING]),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"]}}, []),
        ({"dnsConfig": {"searches": ["a.b.", "."], "options": [{"name": "ndots", "value": "2"}]}}, []),
        (
            {"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "one"]}},
            [
                "dnsConfig.nameservers: are 4 nameservers, at most 3 are read",
                f'dnsConfig.nameservers[3]: "one" must be {ADDRESS}',
            ],
        ),
        ({"dnsConfig": {"searches": ["a"] * 33}}, ["dnsConfig.searches: are 33 search domains, at most 32 are read"]),
        (
            {"dnsConfig": {"searches": [f"{'a' * 200}.b" for _ in range(11)]}},
            ["dnsConfig.searches: are 2232 characters in all, at most 2048 are read"],
        ),
        (
            {"dnsConfig": {"searches": ["?"]}},
            [
                (
                    'dnsConfig.searches[0]: "?" must be a DNS name: lower case letters, digits, "-", "_" and ".", '
                    "at most 253 characters"
                )
            ],
        ),
        ({"dnsConfig": {"options": [{"value": "2"}]}}, ["dnsConfig.options[0].name: is missing, must be set"]),
    ],
)
def test_names(spec: dict[str, Any], expected: list[str]) -> None:
    assert problems(spec=spec) == [f"spec.{line}" for line in expected]
