"""The test suite; mirrors the source one to one."""
