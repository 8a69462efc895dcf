"""The cases of the suite. Each asks for something and compares the answer with an exact computation."""
