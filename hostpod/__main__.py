"""Entry point of the hostpod command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; its modules are imported here so that `hostpod version` stays quick."""
    from hostpod.cli.main import cli  # noqa: PLC0415

    sys.exit(cli())


if __name__ == "__main__":
    main()
