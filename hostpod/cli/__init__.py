"""The hostpod command: one file a subcommand group. May fetch and draw; decides nothing about pods."""
