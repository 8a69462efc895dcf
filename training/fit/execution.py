"""How a device computes a run: what makes it faster and changes its figures by rounding alone."""

import torch
from torch import Tensor, nn

from lambda_app.errors import SettingsError
from training.fit.settings import Execution
from training.network.embedding_net import EmbeddingNet


class TrainedForward(nn.Module):
    """The network as it trains: images to logits beside embeddings, float32 (n, classes + d)."""

    def __init__(self, model: EmbeddingNet, bfloat16: bool) -> None:
        super().__init__()
        self.model = model
        self._autocast = bfloat16

    def forward(self, images: Tensor) -> Tensor:
        device = images.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self._autocast and device == "cuda"):
            pooled = self.model.features(images)
        # The heads and the loss in float32: cosines of near neighbours differ in digits that bfloat16 does not have.
        return torch.cat(self.model.heads(pooled.float()), dim=1)


def prepared(model: EmbeddingNet, execution: Execution, device: torch.device) -> nn.Module:
    """What trains the model, which is on the device: images (n, 3, size, size) to logits beside embeddings.

    Raises:
        SettingsError: torch.compile is asked for and does not work here.
    """
    # Batches have two shapes in a whole run, so the search for their fastest convolutions is done twice. TF32 stays as
    # torch has it: in convolutions, which autocast leaves little of, and not in the products of heads and loss.
    torch.backends.cudnn.benchmark = True
    forward = TrainedForward(model, execution.bfloat16)
    if execution.compile:
        _check_compiler(device)
        forward.compile(dynamic=False)
    return forward


def _check_compiler(device: torch.device) -> None:
    """Compile next to nothing, so that what is missing is told before minutes are spent on the network."""
    try:
        torch.compile(_twice)(torch.ones(8, device=device))
    except RuntimeError as exc:
        reason = str(exc).strip().splitlines()[0]
        raise SettingsError(
            f"compile is True, and torch.compile does not work here: {reason}; "
            "install a C++ compiler (g++), or train without it"
        ) from exc


def _twice(values: Tensor) -> Tensor:
    return values * 2
