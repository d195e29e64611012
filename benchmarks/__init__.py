"""Benchmarks: pelton beside its peers in one run, as ratios with targets."""
