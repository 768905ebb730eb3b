"""The doors to the machine, unaware of each other: process, runc, conmon, cgroup, mount, clock, notify, store."""
