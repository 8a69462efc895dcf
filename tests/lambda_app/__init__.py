"""Tests of `lambda_app`."""
