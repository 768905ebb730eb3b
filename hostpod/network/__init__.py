"""The pod network: addresses (pure) beside links, leases and nftables (the edge)."""
