"""The Kubernetes v1 values themselves. Imports nothing of hostpod."""
