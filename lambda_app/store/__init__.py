"""Storage of releases: a local folder or an S3 bucket, behind one protocol."""
