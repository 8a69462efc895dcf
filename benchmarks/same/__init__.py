"""Whether two photos are the same one."""
