"""`python -m lab.fetch`: have at hand what tests, demo and bench need of Debian's archive.

Tests and bench go into network namespaces of their own, from which no archive can be reached any more.
"""

from __future__ import annotations

import sys

from lab import images
from lab.debian import program, unpacked_program
from lab.place import LabError


def fetch() -> None:
    """Nothing once it is there."""
    for name in images.IMAGES:
        images.layout(name)
    program("docker-registry", package="docker-registry")
    unpacked_program("busybox", package="busybox-static")


def main() -> int:
    try:
        fetch()
    except LabError as error:
        sys.stderr.write(f"set-up: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
