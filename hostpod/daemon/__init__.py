"""The composition root: what `hostpod serve` and `hostpod drain` are. Builds everything and decides nothing."""
