"""What `scripts/bench` runs: measurements, side by side with their baselines."""
