"""The Lambdas as processes of AWS's own runtime client, between an emulated runtime API and an emulated S3."""
