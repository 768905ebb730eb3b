from __future__ import annotations

import pytest

from hostpod.sources.web import HeaderError, parse_headers, shown


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:pw@host:8443/pods?token=x#y", "https://host:8443/pods"),
        ("http://user@host", "http://host"),
        ("http://a:b@c@host/x", "http://host/x"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, text: str) -> None:
    assert shown(url) == text


def test_headers() -> None:
    text = "# who asks\n\nAuthorization: Bearer a:b\r\nX-Host:\tweb1  \n  # more\nX-Host: web2\nEmpty:\n"
    assert parse_headers(text) == (
        ("Authorization", "Bearer a:b"),
        ("X-Host", "web1"),
        ("X-Host", "web2"),
        ("Empty", ""),
    )


@pytest.mark.parametrize("line", ["hunter2", ": hunter2", "A B: hunter2", "X: hunter2\x00", "é: hunter2"])
def test_a_line_that_is_no_header_is_named_and_not_shown(line: str) -> None:
    with pytest.raises(HeaderError) as refused:
        parse_headers(f"X: y\n{line}\n")
    assert str(refused.value) == 'line 2 is no "Name: value"'
