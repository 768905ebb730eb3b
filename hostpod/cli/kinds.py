"""Commands that take a kind of object, written in each of kubectl's ways: `pods web`, `pod/web`, `-n ns po web`."""

from __future__ import annotations

import click

ALIASES = {
    "pod": "pods",
    "po": "pods",
    "event": "events",
    "ev": "events",
    "volume": "volumes",
    "pvc": "volumes",
    "persistentvolumeclaim": "volumes",
    "persistentvolumeclaims": "volumes",
}


class Kinds(click.Group):
    """One command a kind, by its plural."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a kind, by any of its names."""
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The kind may stand behind options of its command, and before a slash: `-o yaml pod/web`."""
        known = {*self.commands, *ALIASES}
        place = next((index for index, word in enumerate(args) if word.partition("/")[0] in known), None)
        if place is not None:
            kind, slash, _ = args[place].partition("/")
            rest = args if slash else [*args[:place], *args[place + 1 :]]
            args = [kind, *rest]
        return super().parse_args(ctx, args)
