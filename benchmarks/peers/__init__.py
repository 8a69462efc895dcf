"""Our search beside the engines that a user would pick instead, on the same vectors."""
