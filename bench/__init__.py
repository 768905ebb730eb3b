"""`make bench`: what hostpod costs, as ratios to the bare floor of the same run, on a host of its own.

One file a thing measured; report.py draws the table and writes results/latest.json. Every figure keeps its samples.
"""
