"""The benchmarks that `scripts/bench` knows, a module each with `run(quick)`."""
