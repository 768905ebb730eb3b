"""The forms of names and texts in Kubernetes: each function says what a text must be, or None where it is.

Patterns and lengths are those of k8s.io/apimachinery/pkg/util/validation and k8s.io/apimachinery/pkg/api/validate.
"""

from __future__ import annotations

import ipaddress
import re

LABEL_CHARACTERS = 63
SUBDOMAIN_CHARACTERS = 253
PORT_NAME_CHARACTERS = 15
SYSCTL_CHARACTERS = 253

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_UNDERSCORED_LABEL = re.compile(r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_ENVIRONMENT = re.compile(r"[ -<>-~]+")
_PORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SYSCTL_SEGMENT = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def dns_label(text: str) -> str | None:
    """A name between two dots of the DNS (RFC 1123)."""
    if len(text) <= LABEL_CHARACTERS and _LABEL.fullmatch(text):
        return None
    return 'a DNS label: lower case letters, digits and "-", at most 63 characters, first and last no "-"'


def dns_subdomain(text: str) -> str | None:
    """DNS labels joined by dots."""
    if len(text) <= SUBDOMAIN_CHARACTERS and all(_LABEL.fullmatch(label) for label in text.split(".")):
        return None
    return (
        'a DNS name: lower case letters, digits, "-" and ".", at most 253 characters, '
        "each part beginning and ending with a letter or digit"
    )


def search_domain(text: str) -> str | None:
    """A domain of resolv.conf's search list: a lone dot, or a DNS name where parts may begin with an underscore."""
    name = text.removesuffix(".")
    if text == ".":
        return None
    if len(name) <= SUBDOMAIN_CHARACTERS and all(_UNDERSCORED_LABEL.fullmatch(label) for label in name.split(".")):
        return None
    return 'a DNS name: lower case letters, digits, "-", "_" and ".", at most 253 characters'


def qualified_name(text: str) -> str | None:
    """The form of label keys: a name, after an optional DNS name and a slash."""
    *prefix, name = text.split("/")
    good_prefix = not prefix or (len(prefix) == 1 and dns_subdomain(prefix[0]) is None)
    if good_prefix and len(name) <= LABEL_CHARACTERS and _NAME.fullmatch(name):
        return None
    return (
        'a name of letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit, '
        'optionally after a DNS name and "/" (like example.com/name)'
    )


def label_value(text: str) -> str | None:
    """The value of a label; may be empty."""
    if not text or (len(text) <= LABEL_CHARACTERS and _NAME.fullmatch(text)):
        return None
    return 'a label value: letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit'


def port_name(text: str) -> str | None:
    """A service name of RFC 6335."""
    if len(text) <= PORT_NAME_CHARACTERS and _PORT_NAME.fullmatch(text) and not text.replace("-", "").isdigit():
        return None
    return 'a port name: lower case letters, digits and single "-" between them, a letter at least, 15 at most'


def environment_name(text: str) -> str | None:
    """A name of an environment variable, or the beginning of one."""
    if _ENVIRONMENT.fullmatch(text):
        return None
    return 'a variable name: printable ASCII without "="'


def config_key(text: str) -> str | None:
    """A key of a ConfigMap or Secret: it becomes a file name."""
    if len(text) <= SUBDOMAIN_CHARACTERS and _KEY.fullmatch(text) and not text.startswith("..") and text != ".":
        return None
    return 'a key: letters, digits, "-", "_" and ".", at most 253 characters, neither "." nor beginning with ".."'


def header_name(text: str) -> str | None:
    """The name of an HTTP header."""
    return None if _HEADER.fullmatch(text) else 'a header name: letters, digits and "-"'


def ip_address(text: str) -> str | None:
    """An IPv4 or IPv6 address; no zone, no leading zeros, no IPv4 in IPv6's clothes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "an IP address, like 10.9.8.7 or 2001:db8::1 (no leading zeros)"
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address.ipv4_mapped):
        return "a plain IPv4 or IPv6 address, with no zone and not mapped"
    return None


def sysctl_name(text: str) -> str | None:
    """A kernel parameter, its parts joined by dots or slashes."""
    parts = text.replace("/", ".").split(".")
    if len(text) <= SYSCTL_CHARACTERS and all(_SYSCTL_SEGMENT.fullmatch(part) for part in parts):
        return None
    return "a kernel parameter such as net.core.somaxconn, at most 253 characters"


def signer_name(text: str) -> str | None:
    """Who signs a certificate: a DNS name of two parts at least, a slash, and a name."""
    domain, slash, name = text.partition("/")
    if slash and "." in domain and dns_subdomain(domain) is None and dns_subdomain(name) is None:
        return None
    return "a signer such as example.com/name"


def relative_path(text: str) -> str | None:
    """A path that stays below where it begins."""
    if text.startswith("/"):
        return 'a relative path: take the leading "/" away'
    return descending_path(text)


def descending_path(text: str) -> str | None:
    """A path, absolute or not, that never goes up."""
    return 'a path without ".."' if ".." in text.split("/") else None


def file_path(text: str) -> str | None:
    """A relative path in a volume of hostpod's making, where names that begin with ".." belong to hostpod."""
    return relative_path(text) or ('a path that does not begin with ".."' if text.startswith("..") else None)


def absolute_path(text: str) -> str | None:
    """A path from the root."""
    return None if text.startswith("/") else 'an absolute path, beginning with "/"'


def trimmed(text: str) -> str | None:
    """No white space at either end."""
    return None if text == text.strip() else "written without white space at its ends"
