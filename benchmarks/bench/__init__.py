"""The benchmarks of `scripts/bench`: one module per benchmark, with `run(quick)`."""
