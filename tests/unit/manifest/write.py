"""Manifests for these tests, and the problems of a text as a person reads them."""

from __future__ import annotations

from textwrap import dedent

from hostpod.kube import Pod
from hostpod.manifest import parse_manifest

WEB = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: nginx
    image: nginx
"""


def web(container: str = "", spec: str = "", metadata: str = "") -> str:
    """A good pod with more lines in its container (line 9 on), its spec and its metadata."""
    inside = "".join(f"    {line}\n" for line in dedent(container).splitlines())
    beside = "".join(f"  {line}\n" for line in dedent(spec).splitlines())
    meta = "".join(f"  {line}\n" for line in dedent(metadata).splitlines())
    return WEB.replace("spec:\n", f"{meta}spec:\n") + inside + beside


def problems(text: str | bytes) -> list[str]:
    """The lines that a person reads, without the name of the file."""
    content = text if isinstance(text, bytes) else text.encode()
    return [str(problem).removeprefix("f.yaml:") for problem in parse_manifest(content, file="f.yaml").problems]


def pod_of(text: str) -> Pod:
    """The only pod of a good manifest."""
    parsed = parse_manifest(text.encode(), file="f.yaml")
    assert parsed.problems == ()
    (only,) = parsed.pods
    return only.pod
