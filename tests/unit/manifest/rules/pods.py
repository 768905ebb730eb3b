"""Small pods for the tests of the rules, and what the rules say of them as text."""

from __future__ import annotations

from typing import Any

from hostpod.kube import Pod
from hostpod.manifest.rules import Path, validate_pod

Json = dict[str, Any]


def pod(*, spec: Json | None = None, container: Json | None = None, metadata: Json | None = None) -> Pod:
    """A pod of one container that breaks no rule, changed by what is given."""
    return Pod.model_validate(
        {
            "metadata": {"name": "web", "namespace": "default", **(metadata or {})},
            "spec": {
                "restartPolicy": "Always",
                "dnsPolicy": "ClusterFirst",
                "terminationGracePeriodSeconds": 30,
                "containers": [{"name": "web", "image": "nginx", **(container or {})}],
                **(spec or {}),
            },
        }
    )


def problems(*, spec: Json | None = None, container: Json | None = None, metadata: Json | None = None) -> list[str]:
    """What is wrong with such a pod: `PATH: MESSAGE`, without the part of the path that all tests share."""
    found = validate_pod(pod(spec=spec, container=container, metadata=metadata))
    return [f"{shown(violation.path)}: {violation.message}" for violation in found]


def volume_problems(**source: Any) -> list[str]:
    """What is wrong with one volume of a pod; paths begin at the volume."""
    found = problems(spec={"volumes": [{"name": "data", **source}]})
    return [line.removeprefix("spec.volumes[0].").removeprefix("spec.volumes[0]") for line in found]


def container_problems(spec: Json | None = None, **fields: Any) -> list[str]:
    """What is wrong with the one container of a pod; paths begin at the container."""
    return [line.removeprefix("spec.containers[0].") for line in problems(spec=spec, container=fields)]


def shown(path: Path) -> str:
    """A path as messages show it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
