"""What runs in the Lambda, and the pure modules that training shares with it. Never imports torch."""
