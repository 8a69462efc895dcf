"""Where releases live: a folder or an S3 bucket, behind one contract."""
