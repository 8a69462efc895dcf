import re

import torch

from training.pipeline.provenance import code, device_name, versions


def test_the_provenance_has_code_versions_and_device():
    found = code()
    assert found["version"] is not None
    assert re.fullmatch(r"\d+\.\d+.*", found["version"])
    assert found["commit"] != ""
    assert versions()["torch"] == torch.__version__
    assert device_name(torch.device("cpu")) == f"cpu, {torch.get_num_threads()} threads"
