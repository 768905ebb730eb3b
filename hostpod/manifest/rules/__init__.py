"""Kubernetes' validation as pure functions on the models: what an object's fields may be, and may be together.

May live here: rules that need nothing but the object. Which fields hostpod supports is decided in manifest/support.py.
"""

from __future__ import annotations

from hostpod.manifest.rules.claims import validate_claim
from hostpod.manifest.rules.configs import validate_config_map, validate_secret
from hostpod.manifest.rules.pod import validate_pod
from hostpod.manifest.rules.violation import Path, Violation

__all__ = ["Path", "Violation", "validate_claim", "validate_config_map", "validate_pod", "validate_secret"]
