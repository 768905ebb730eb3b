"""What the demo, the integration tests and the benchmark stand on: real things, made here, with nothing from outside.

Images built from Debian's own packages, a docker-registry on loopback, an instance of hostpod with directories and
names of its own, and a look at what an instance left behind. It is told settings and speaks to the daemon over its
socket; it imports nothing of hostpod but the settings.
"""
