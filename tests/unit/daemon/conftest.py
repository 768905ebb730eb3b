"""An engine of a daemon: the machine of the engine's own tests."""

from tests.unit.engine.conftest import machine

__all__ = ["machine"]
