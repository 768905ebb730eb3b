"""ConfigMaps and Secrets: Kubernetes' validation at its lines, and nothing of what they hold in any message."""

from __future__ import annotations

import base64
import json

import pytest

from hostpod.kube import ConfigMap, Secret
from hostpod.manifest import ConfigObject, parse_manifest
from tests.unit.manifest.write import WEB, problems

SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
KEYS = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n"
HIDDEN = "hunter2"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def only(text: str) -> ConfigObject:
    parsed = parse_manifest(text.encode(), file="f.yaml")
    assert parsed.problems == ()
    (found,) = parsed.configs
    return found.config


def test_a_config_map() -> None:
    found = only(f"{SETTINGS}data: {{a.conf: 'x=1', empty: }}\nbinaryData: {{b: {b64('y')}}}\nimmutable: true\n")
    assert isinstance(found, ConfigMap)
    assert (found.data, found.binary_data, found.immutable) == ({"a.conf": "x=1", "empty": ""}, {"b": b64("y")}, True)
    assert (found.kind, found.metadata.name, found.metadata.namespace) == ("ConfigMap", "settings", "default")


def test_a_secret_is_opaque_and_its_strings_go_over_its_data() -> None:
    found = only(f"{KEYS}data: {{a: {b64('old')}, b: {b64('kept')}}}\nstringData: {{a: new}}\n")
    assert isinstance(found, Secret)
    assert found.data == {"a": b64("new"), "b": b64("kept")}
    assert (found.string_data, found.type) == ({}, "Opaque")


def test_base64_may_be_broken_into_lines() -> None:
    assert only(f"{KEYS}data:\n  a: |\n    aHVu\n    dGVyMg==\n") == only(f"{KEYS}data: {{a: {b64(HIDDEN)}}}\n")


def test_they_stand_beside_pods_and_in_lists() -> None:
    beside = parse_manifest(f"{WEB}---\n{SETTINGS}---\n{KEYS}".encode(), file="f.yaml")
    assert [each.pod.name for each in beside.pods] == ["web"]
    assert [(each.config.kind, each.line) for each in beside.configs] == [("ConfigMap", 10), ("Secret", 14)]
    items = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}} for kind in ("ConfigMap", "Secret")]
    mixed = parse_manifest(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode(), file="f")
    assert (len(mixed.configs), mixed.problems) == (2, ())
    bare = {"apiVersion": "v1", "kind": "SecretList", "items": [{"metadata": {"name": "a"}}]}
    assert isinstance(only(json.dumps(bare)), Secret)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            SETTINGS.replace("settings", "Set_tings"),
            ('3: metadata.name: "Set_tings" must be a DNS name: lower case letters, digits, "-" and ".", at most 253 '
            "characters, each part beginning and ending with a letter or digit"),
        ),
        (SETTINGS.replace("name: settings", ""), "3: metadata.name: is missing, a ConfigMap needs a name"),
        (
            f"{SETTINGS}data:\n  ok: x\n  a/b: x\n",
            ('6: data[a/b]: "a/b" must be a key: letters, digits, "-", "_" and ".", at most 253 characters, '
            'neither "." nor beginning with ".."'),
        ),
        (
            f"{KEYS}stringData:\n  ..a: x\n",
            ('5: stringData[..a]: "..a" must be a key: letters, digits, "-", "_" and ".", at most 253 characters, '
            'neither "." nor beginning with ".."'),
        ),
        (f"{KEYS}data:\n  a: {HIDDEN}!\n", "5: data.a: must be base64, write plain text in stringData"),
        (f"{KEYS}data:\n  a: YQ\n", "5: data.a: must be base64, write plain text in stringData"),
        (f"{SETTINGS}binaryData:\n  a: é\n", "5: binaryData.a: must be base64, write plain text in data"),
        (
            f"{SETTINGS}data: {{a: x}}\nbinaryData: {{a: YQ==}}\n",
            "5: binaryData.a: is a key of data too, keep one of them",
        ),
        (f"{SETTINGS}stringData: {{a: x}}\n", "4: stringData: unknown field, remove it"),
        (f"{SETTINGS}dta: {{a: x}}\n", '4: dta: unknown field, did you mean "data"?'),
        (f"{SETTINGS}data: {HIDDEN}\n", "4: data: must be an object with fields, not a string"),
        (f"{SETTINGS}immutable: 1\n", "4: immutable: must be true or false, not 1"),
        (f"{KEYS}type: kubernetes.io/tls\ndata: {{tls.crt: ''}}\n",
         "5: data[tls.key]: is missing, the type kubernetes.io/tls needs it"),
        (f"{KEYS}type: kubernetes.io/ssh-auth\ndata: {{ssh-privatekey: ''}}\n",
         "5: data.ssh-privatekey: is missing, the type kubernetes.io/ssh-auth needs it"),
        (f"{KEYS}type: kubernetes.io/basic-auth\n",
         '1: data.username: is missing, the type kubernetes.io/basic-auth needs it or "password"'),
        (f"{KEYS}type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: {HIDDEN}\n",
         "6: stringData[.dockerconfigjson]: must be a JSON object, the type kubernetes.io/dockerconfigjson needs it"),
        (f"{KEYS}type: kubernetes.io/service-account-token\n",
         ("3: metadata.annotations[kubernetes.io/service-account.name]: is missing, "
         "the type kubernetes.io/service-account-token needs it")),
        (f"{SETTINGS}---\n{SETTINGS}",
         '7: metadata.name: the ConfigMap "settings" is in this file already, on line 1: rename one'),
        ("apiVersion: v1\ndata: {a: b}\n", "1: kind: is missing, write kind: ConfigMap or kind: Secret"),
        (SETTINGS.replace("ConfigMap", "configmap"), '2: kind: "configmap" is not accepted, did you mean "ConfigMap"?'),
    ],
)  # fmt: skip
def test_mistakes_at_their_lines(text: str, told: str) -> None:
    assert problems(text) == [told]


@pytest.mark.parametrize("kind", ["basic-auth", "ssh-auth", "tls", "dockercfg", "dockerconfigjson"])
def test_types_that_hold_what_they_need(kind: str) -> None:
    held = {
        "username": "u", "ssh-privatekey": "k", "tls.crt": "c", "tls.key": "k", ".dockercfg": "{}",
        ".dockerconfigjson": "{}",
    }  # fmt: skip
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": held}
    assert problems(json.dumps({**document, "type": f"kubernetes.io/{kind}"})) == []


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_mebibyte_is_the_most(field: str) -> None:
    def told(size: int) -> list[str]:
        text = "x" * size
        values = {"a": b64(text) if field == "data" else text}
        return problems(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, field: values}))

    assert told(2**20) == []
    assert told(2**20 + 1) == [f"1: {field}: holds 1048577 bytes in all, at most 1048576 are allowed"]


@pytest.mark.parametrize("head", [SETTINGS, KEYS])
@pytest.mark.parametrize(
    "value",
    ["421337", "4213.37", "[421337]", "{421337: 421337}", "!421337 x", "!!int x421337", "!!bool 421337", "*x421337",
     "&x421337 [*x421337]", "!x421337!y x", '"\\q421337"', "|421337", "@421337", "%421337", "'421337", "true421337: x"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["data", "binaryData", "stringData", "password"])
def test_no_message_shows_what_they_hold(head: str, value: str, field: str) -> None:
    indent = "  a: " if field.endswith(("data", "Data")) else "  "
    told = problems(f"{head}{field}:\n{indent}{value}\n")
    assert "421337" not in "".join(line.partition(": ")[2] for line in told if "421337]" not in line)


def test_no_repr_shows_what_they_hold() -> None:
    for text in (f"{SETTINGS}data: {{a: {HIDDEN}}}\n", f"{KEYS}stringData: {{a: {HIDDEN}}}\n"):
        parsed = parse_manifest(text.encode(), file="f")
        assert parsed.configs
        assert HIDDEN not in repr(parsed)
        assert b64(HIDDEN) not in repr(parsed)
