"""The code of the Lambda functions, and the pure modules that training shares. Never imports torch."""
