"""What stands in for AWS's PyTorch container: the real toolkit in a virtual environment that is kept between runs.

It sees torch, and whatever else the project's own environment holds, by a line in a `.pth` file: a second installation
would take 5 GB. Python does not follow the `.pth` files of a folder that it reaches in that way, so that the project's
own packages, which are installed editable, stay out of sight (not so their metadata): a job has them from its code
archive or not at all.
"""

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

TOOLKIT = ("sagemaker-training==5.1.4", "sagemaker-pytorch-training==3.0.0")
REQUIREMENTS = Path(__file__).parents[2] / "training" / "requirements.txt"
# What pip writes for a console script: torch's own is of the project's environment, and would start that one's Python.
_TORCHRUN = "#!{python}\nimport sys\nfrom torch.distributed.run import main\nsys.exit(main())\n"


@dataclass(frozen=True)
class Container:
    """A virtual environment with SageMaker's training toolkit for PyTorch."""

    root: Path

    @property
    def bin(self) -> Path:
        """Where its commands lie: `train`, which SageMaker starts, and `torchrun`."""
        return self.root / "bin"


def make(root: Path) -> Container:
    """The environment in `root`, made anew unless it was made of the same packages before.

    The first time takes a compiler (a part of `sagemaker-training` is C, and comes as source) and the package index.
    """
    container = Container(root)
    libraries = sysconfig.get_path("purelib")
    made, wanted = root / "made-of", "\n".join((sys.version, libraries, *TOOLKIT))
    if made.exists() and made.read_text() == wanted:
        return container
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    python = container.bin / "python"
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(root)}))
    (own / "project.pth").write_text(f"{libraries}\n")
    # A job's requirements too, nearly all of which are there: when the toolkit installs them, nothing is left to fetch.
    subprocess.run([python, "-m", "pip", "install", "--quiet", *TOOLKIT, "--requirement", REQUIREMENTS], check=True)
    torchrun = container.bin / "torchrun"
    torchrun.write_text(_TORCHRUN.format(python=python))
    torchrun.chmod(0o755)
    made.write_text(wanted)
    return container
