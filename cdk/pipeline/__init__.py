"""What a pipeline on GitHub needs in the account: a role and a repository for images."""
