"""Bytes to Kubernetes objects, or every problem with its line. Pure: no I/O.

The way of a file: yaml_source (text to trees with places) → documents (kinds and lists) → structure (trees to data that
fits the models) → defaults → rules (Kubernetes' validation) → survey (what hostpod supports) →
pod_security (what the operator allows) → parse puts it together.
"""

from __future__ import annotations

from hostpod.manifest.configs import ConfigObject
from hostpod.manifest.defaults import default_pull_policy, with_defaults
from hostpod.manifest.parse import Note, Parsed, ParsedConfig, ParsedPod, parse_manifest
from hostpod.manifest.place import Problem
from hostpod.manifest.pod_security import PRIVILEGED, PodSecurity
from hostpod.manifest.static_pod import static_pod

__all__ = [
    "PRIVILEGED",
    "ConfigObject",
    "Note",
    "Parsed",
    "ParsedConfig",
    "ParsedPod",
    "PodSecurity",
    "Problem",
    "default_pull_policy",
    "parse_manifest",
    "static_pod",
    "with_defaults",
]
