"""Tests of `cdk`."""
