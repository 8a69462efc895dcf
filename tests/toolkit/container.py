"""A substitute for AWS's PyTorch container: the real toolkit in a virtual environment that is kept between runs.

A line in a `.pth` file lets it import torch and the other packages of the project's environment, because a second
installation would take 5 GB. The project's own packages are installed editable, that is by `.pth` files, and Python
does not read the `.pth` files of a folder that a `.pth` file adds. So a job can import them only from its code archive,
although it can see their metadata.
"""

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

TOOLKIT = ("sagemaker-training==5.1.4", "sagemaker-pytorch-training==3.0.0")
REQUIREMENTS = Path(__file__).parents[2] / "training" / "requirements.txt"
# The console script as pip writes it: the torchrun of the project's environment would start that environment's Python.
_TORCHRUN = "#!{python}\nimport sys\nfrom torch.distributed.run import main\nsys.exit(main())\n"


@dataclass(frozen=True)
class Container:
    """A virtual environment with SageMaker's training toolkit for PyTorch."""

    root: Path

    @property
    def bin(self) -> Path:
        """The folder of its commands: `train`, which SageMaker starts, and `torchrun`."""
        return self.root / "bin"


def make(root: Path) -> Container:
    """The environment in `root`, created again unless it was created with the same packages before.

    Its creation needs the package index and a compiler: a part of `sagemaker-training` is C source.
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
    # Also install the requirements of a job, so that the toolkit has nothing to download when it installs them.
    subprocess.run([python, "-m", "pip", "install", "--quiet", *TOOLKIT, "--requirement", REQUIREMENTS], check=True)
    torchrun = container.bin / "torchrun"
    torchrun.write_text(_TORCHRUN.format(python=python))
    torchrun.chmod(0o755)
    made.write_text(wanted)
    return container
