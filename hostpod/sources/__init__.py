"""Where manifests come from. May read files and watch them; what a manifest means is decided in manifest/."""
