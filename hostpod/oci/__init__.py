"""Pod and image configuration to an OCI runtime spec. Pure: no I/O."""
