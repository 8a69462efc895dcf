import subprocess
import sys
import textwrap

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="sets the allocator of glibc")
def test_a_large_block_that_is_freed_and_asked_again_is_not_faulted_in_again():
    # In a process of its own: the setting is the process's.
    code = """
        import resource
        from lambda_app.api.memory import keep_freed_memory

        def faults():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(20):
                first, second = b"x" * 3_000_000, b"y" * 3_000_000
                del first, second
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

        unset = faults()
        keep_freed_memory()
        faults()
        print(unset, faults())
    """
    unset, kept = map(int, subprocess.check_output([sys.executable, "-c", textwrap.dedent(code)], text=True).split())
    assert kept < unset / 10
