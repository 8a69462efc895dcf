"""The benchmarks of `scripts/bench`, each compared with its baseline."""
