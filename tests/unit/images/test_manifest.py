from __future__ import annotations

import json
from typing import Any

import pytest

from hostpod.images.image import ImageConfig
from hostpod.images.manifest import (
    Descriptor,
    Index,
    Manifest,
    ManifestError,
    digest_of,
    parse_configuration,
    parse_manifest,
)

ONE, TWO = digest_of(b"1"), digest_of(b"2")
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def blob(digest: str = ONE, size: Any = 3, **more: Any) -> dict[str, Any]:
    return {"mediaType": GZIP, "digest": digest, "size": size, **more}


def encoded(**document: Any) -> bytes:
    return json.dumps(document).encode()


def test_a_manifest_names_its_configuration_and_layers() -> None:
    manifest = parse_manifest(encoded(schemaVersion=2, config=blob(TWO), layers=[blob(ONE, 7), blob(TWO)]))
    assert manifest == Manifest(
        config=Descriptor(digest=TWO, size_bytes=3, media_type=GZIP),
        layers=(
            Descriptor(digest=ONE, size_bytes=7, media_type=GZIP),
            Descriptor(digest=TWO, size_bytes=3, media_type=GZIP),
        ),
    )


@pytest.mark.parametrize(
    "media",
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json", ""],
)
def test_an_index_has_a_manifest_for_each_platform(media: str) -> None:
    arm = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    entries = [
        blob(ONE, platform={"os": "linux", "architecture": "amd64"}),
        blob(TWO, platform=arm),
        blob(TWO, platform={"os": "linux", "architecture": "arm"}),
        blob(TWO, platform={"os": "unknown", "architecture": "unknown"}),
        blob(TWO),
    ]
    index = parse_manifest(encoded(mediaType=media, manifests=entries))
    assert isinstance(index, Index)
    assert [each.digest for each in index.candidates("linux/amd64")] == [ONE]
    assert [each.platform for each in index.candidates("linux/arm64")] == ["linux/arm64/v8"]
    assert index.candidates("linux/s390x") == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "the image's manifest is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "the image's manifest is malformed: it is not an object"),
        (b"{}", "the image's manifest is malformed: KeyError('layers')"),
        (
            encoded(schemaVersion=1, fsLayers=[]),
            "the image is in Docker's legacy schema 1: push it again with a newer tool",
        ),
        (
            encoded(config=blob("md5:1"), layers=[]),
            'the image\'s manifest is malformed: "md5:1" is not a sha256 digest',
        ),
        (encoded(config=blob(ONE, -1), layers=[]), 'the image\'s manifest is malformed: "-1" is not a size'),
        (encoded(config=blob(ONE, True), layers=[]), 'the image\'s manifest is malformed: "True" is not a size'),
        (
            encoded(config=[], layers=[3]),
            "the image's manifest is malformed: TypeError(\"'int' object is not subscriptable\")",
        ),
    ],
)
def test_a_bad_manifest_is_explained(content: bytes, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(content)
    assert str(caught.value) == message


def test_a_configuration_says_how_to_run_the_image() -> None:
    section = {
        "Entrypoint": ["/docker-entrypoint.sh"],
        "Cmd": ["nginx", "-g", "daemon off;"],
        "Env": ["PATH=/bin", "A=b=c"],
        "WorkingDir": "/srv",
        "User": "101:101",
        "StopSignal": "SIGQUIT",
        "Volumes": {"/b": {}, "/a": {}},
        "Healthcheck": {"Test": ["NONE"]},
    }
    parsed = parse_configuration(
        encoded(created="2024-01-01T00:00:00Z", config=section, rootfs={"diff_ids": [ONE, TWO]})
    )
    assert parsed.diff_ids == (ONE, TWO)
    assert parsed.created == "2024-01-01T00:00:00Z"
    assert parsed.config == ImageConfig(
        entrypoint=("/docker-entrypoint.sh",),
        cmd=("nginx", "-g", "daemon off;"),
        env=("PATH=/bin", "A=b=c"),
        working_dir="/srv",
        user="101:101",
        stop_signal="SIGQUIT",
        volumes=("/a", "/b"),
    )


@pytest.mark.parametrize(
    "section", [None, {}, {"Entrypoint": None, "Cmd": [], "Env": None, "Volumes": None, "User": None}]
)
def test_what_is_absent_has_a_default(section: dict[str, Any] | None) -> None:
    assert parse_configuration(encoded(config=section, rootfs={"diff_ids": None})).config == ImageConfig()


@pytest.mark.parametrize("hostile", [b'{"size": ' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_python_does_not_read_is_no_json(hostile: bytes) -> None:
    with pytest.raises(ManifestError, match="is not JSON"):
        parse_manifest(hostile)


def test_half_a_pair_of_surrogates_is_no_text() -> None:
    content = b'{"created": "\\ud800", "config": {"User": "a\\uDFFFb"}, "rootfs": {"diff_ids": []}}'
    parsed = parse_configuration(content)
    assert (parsed.created, parsed.config.user) == ("?", "a?b")


def test_a_command_of_one_word_may_be_no_list() -> None:
    parsed = parse_configuration(encoded(config={"Entrypoint": "/bin/sh"}, rootfs={"diff_ids": []}))
    assert parsed.config.entrypoint == ("/bin/sh",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded(), "it is no container image: its configuration names no layers"),
        (
            encoded(rootfs={"diff_ids": ["x"]}),
            "the image's configuration is malformed: a layer is not named by its sha256 digest",
        ),
        (
            encoded(rootfs={"diff_ids": []}, config={"Env": 3}),
            "the image's configuration is malformed: 'int' object is not iterable",
        ),
    ],
)
def test_a_bad_configuration_is_explained(content: bytes, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_configuration(content)
    assert str(caught.value) == message
