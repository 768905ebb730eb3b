"""Reference to blobs to layers to root file system: the image store and its mounts."""
