"""Tests of lambda_app.search.local."""
