"""The measured processes: this project and its baseline as servers, Lambda functions and search processes."""
