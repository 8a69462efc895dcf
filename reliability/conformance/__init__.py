"""One suite of cases for every engine of the search: FAISS and Amazon S3 Vectors."""
