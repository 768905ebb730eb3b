"""Bytes to Kubernetes objects, or every problem with its line. Pure: no I/O."""
