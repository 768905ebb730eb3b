from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.images.errors import InvalidImageNameError
from hostpod.images.references import image_id, parse_reference

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
        ("localhost/web", "localhost/web:latest"),
        ("localhost:5000/web:1", "localhost:5000/web:1"),
        ("127.0.0.1:5000/web", "127.0.0.1:5000/web:latest"),
        ("[::1]:5000/web", "[::1]:5000/web:latest"),
        ("Registry/web", "Registry/web:latest"),
        ("a__b/c-d.e_f", "docker.io/a__b/c-d.e_f:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1.25@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
    ],
)
def test_a_reference_is_normalised(text: str, normalised: str) -> None:
    assert str(parse_reference(text)) == normalised


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid image name: it is empty"),
        (
            "a/B",
            'invalid image name "a/B": "a/B" has upper case letters: lower case letters, digits, ".", "_", "-", "/"',
        ),
        ("nginx:", 'invalid image name "nginx:": "" is no tag: letters, digits, ".", "_" and "-", at most 128'),
        ("a@x", 'invalid image name "a@x": "x" is no digest, write for example @sha256: and 64 hexadecimal digits'),
        ("a_.b:80/web", 'invalid image name "a_.b:80/web": "a_.b:80" is no registry, write HOST or HOST:PORT'),
        (f"quay.io/{'a' * 250}", f'invalid image name "quay.io/{"a" * 250}": the name is longer than 255 characters'),
    ],
)
def test_what_is_wrong_with_a_reference_is_said(text: str, message: str) -> None:
    with pytest.raises(InvalidImageNameError) as caught:
        parse_reference(text)
    assert str(caught.value) == message
    assert caught.value.reason == "InvalidImageName"


@pytest.mark.parametrize(
    "text",
    [" nginx", "nginx ", "a//b", "/nginx", "nginx/", "-a", "a..b", "a___b", "nginx:a b", "docker://nginx", "@", ":"],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidImageNameError):
        parse_reference(text)


def test_the_repository_at_a_digest() -> None:
    assert parse_reference("nginx:1").at(DIGEST) == f"docker.io/library/nginx@{DIGEST}"


@pytest.mark.parametrize(
    ("text", "found"), [(DIGEST, DIGEST), (HEX, DIGEST), ("nginx", None), (HEX[:12], None), (f"a@{DIGEST}", None)]
)
def test_an_image_id_is_told_from_a_name(text: str, found: str | None) -> None:
    assert image_id(text) == found


@given(st.text(alphabet="abcA0._-/:@[]", max_size=40))
def test_whatever_is_accepted_is_normal_already(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidImageNameError:
        return
    assert parse_reference(str(reference)) == reference
