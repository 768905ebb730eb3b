from __future__ import annotations

import time

import pytest

from hostpod.images.complaints import LIMIT, all_words, may_pass, others_may_be_let_in, registry_words


def fatal(message: str) -> str:
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    return f'time="2024-01-01T00:00:00Z" level=warning msg="be careful"\ntime="2024" level=fatal msg="{quoted}"\n'


UNKNOWN = "manifest unknown: manifest unknown"
HELPER = "getting username and password: 1 error occurred:\n\t* error getting credentials - err: exit status 1"
NO_HOST = 'Get "https://no.example/v2/": dial tcp: lookup no.example on 10.0.0.1:53: no such host'

MIRROR = f"(Mirrors also failed: [mirror:5000/web:1: reading manifest 1 in mirror:5000/web: {UNKNOWN}]): "


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            f'Error parsing image name "docker://quay.io/no:1": reading manifest 1 in quay.io/no: {UNKNOWN}',
            "manifest unknown",
        ),
        (
            f"initializing source docker://no.example/x:1: pinging container registry no.example: {NO_HOST}",
            NO_HOST,
        ),
        (
            f"initializing source docker://web:1: {MIRROR}docker.io/web:1: pinging container registry x: {NO_HOST}",
            f"docker.io/web:1: {NO_HOST}; mirror mirror:5000/web:1: manifest unknown",
        ),
        (
            "Source image rejected: Running image docker://quay.io/a:1 is rejected by policy.",
            "Running image docker://quay.io/a:1 is rejected by policy.",
        ),
        (
            HELPER + ', out: `{"Secret": "hunter2"`\n\n',
            "getting username and password: 1 error occurred: * error getting credentials - err: exit status 1",
        ),
        (
            "reading manifest 1 in reg/a: denied",
            "denied: requested access to the resource is denied",
        ),
        ("reading manifest 1 in reg/a: authentication required", "unauthorized: authentication required"),
        ("reading manifest 1 in reg/a: unauthorized: authentication required", "unauthorized: authentication required"),
        ("reading manifest 1 in reg/a: StatusCode: 403, go away", "HTTP status 403 Forbidden: go away"),
        ("reading manifest 1 in reg/a: StatusCode: 999, go away", "HTTP status 999 no known status: go away"),
        ("copying system image from manifest list: writing blob: no space left", "no space left"),
    ],
)
def test_the_registrys_words_are_left(message: str, words: str) -> None:
    assert registry_words(fatal(message)) == words


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("", "skopeo gave no reason"),
        ("panic: something\n\tat line 3\n", "panic: something at line 3"),
        ('level=fatal msg="a \\x00 byte of \\"this\\""', 'a \\x00 byte of "this"'),
    ],
)
def test_whatever_else_is_printed_is_one_line(stderr: str, words: str) -> None:
    assert registry_words(stderr) == words


@pytest.mark.parametrize(
    "hostile", [", out: `" + "{" * 1_000_000, "(Mirrors also failed: [" * 100_000, "writing blob: " * 100_000]
)
def test_an_answer_of_any_length_is_read_at_once(hostile: str) -> None:
    began = time.process_time()
    assert len(registry_words(fatal(hostile))) <= LIMIT
    assert len(registry_words(hostile)) <= LIMIT
    assert time.process_time() - began < 5  # it was minutes


def test_the_words_are_few() -> None:
    assert len(registry_words(fatal("x" * 5000))) == LIMIT


@pytest.mark.parametrize(
    ("words", "helps"),
    [
        ("unauthorized: authentication required", True),
        ("denied: requested access to the resource is denied", True),
        ("received unexpected HTTP status: 403 Forbidden", True),
        ("manifest unknown", True),
        ("toomanyrequests: You have reached your pull rate limit", True),
        (NO_HOST, False),
        ("x509: certificate signed by unknown authority", False),
        ("registry bad.example is blocked in /etc/containers/registries.conf", False),
        ("no space left on device", False),
    ],
)
def test_what_other_credentials_may_change(words: str, *, helps: bool) -> None:
    assert others_may_be_let_in(words) is helps


def test_what_each_was_answered() -> None:
    assert all_words([("this host", "denied")]) == "denied"
    assert all_words([("a", "denied"), ("b", "denied"), ("b", "denied")]) == "denied (asked with a and b)"
    assert all_words([("a", "denied"), ("b", "unknown")]) == "denied (asked with a); unknown (asked with b)"


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ("received unexpected HTTP status: 503 Service Unavailable", True),
        ("Invalid status code returned when fetching blob 502 (Bad Gateway)", True),
        ("received unexpected HTTP status: 500 Internal Server Error", True),
        ("unexpected EOF", True),
        ('Get "http://r:500/v2/": read tcp 10.0.0.1:500->10.0.0.2:503: read: connection reset by peer', True),
        ('Get "https://r/v2/": net/http: TLS handshake timeout', True),
        ("dial tcp 127.0.0.1:503: connect: connection refused", False),
        ("too many requests to registry", False),
        ("manifest unknown", False),
        ("unauthorized: authentication required", False),
        (NO_HOST, False),
    ],
)
def test_what_may_be_over_in_a_moment(words: str, passes: bool) -> None:
    assert may_pass(words) is passes
