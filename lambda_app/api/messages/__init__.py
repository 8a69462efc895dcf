"""What a request holds and what an answer says: reading, schemas, answers, problems, files."""
