"""The Lambda functions as processes that run AWS's runtime client, with an emulated runtime API and S3."""
