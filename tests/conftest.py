"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long a case takes is the machine's affair: speed is measured in bench/.
settings.register_profile("hostpod", deadline=None)
settings.load_profile("hostpod")
