"""hostpod: Kubernetes pods as first-class systemd citizens of one Linux host."""

__version__ = "0.1.0"
