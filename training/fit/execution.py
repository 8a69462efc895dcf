"""How the device computes a training run: options that make it faster and change results only by rounding."""

import torch
from torch import Tensor, nn

from lambda_app.errors import SettingsError
from training.fit.settings import Execution
from training.network.embedding_net import EmbeddingNet

# Without these instructions, a processor emulates bfloat16, which is slower than float32.
_BFLOAT16 = (torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported)


class TrainedForward(nn.Module):
    """The network in training: images to concatenated logits and embeddings, float32 (n, classes + d)."""

    def __init__(self, model: EmbeddingNet, bfloat16: bool) -> None:
        super().__init__()
        self.model = model
        self._autocast = bfloat16

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._autocast):
            pooled = self.model.features(images)
        # The heads and the loss use float32, because bfloat16 is too coarse for the cosines of near neighbours.
        return torch.cat(self.model.heads(pooled.float()), dim=1)


def training_module(model: EmbeddingNet, execution: Execution, device: torch.device) -> nn.Module:
    """The module to train with, for a model on the device: images (n, 3, size, size) to a `TrainedForward` output.

    Raises:
        SettingsError: `execution.compile` is set, and torch.compile does not work on this machine.
    """
    # cuDNN then searches for the fastest convolution of each input shape, and a run has only two shapes. TF32 keeps
    # torch's default: on for convolutions, most of which autocast runs in bfloat16, and off for matrix products.
    torch.backends.cudnn.benchmark = True
    forward = TrainedForward(model, in_bfloat16(execution, device))
    if execution.compile:
        _check_compiler(device)
        forward.compile(dynamic=False)
    return forward


def in_bfloat16(execution: Execution, device: torch.device) -> bool:
    """Whether the backbone is computed in bfloat16 on this device."""
    if device.type == "cuda":
        return execution.bfloat16
    return execution.processor_bfloat16 and any(has() for has in _BFLOAT16)


def _check_compiler(device: torch.device) -> None:
    """Compile a tiny function, so a missing compiler is reported at once, not after minutes of work on the network."""
    try:
        torch.compile(_double)(torch.ones(8, device=device))
    except RuntimeError as exc:
        reason = str(exc).strip().splitlines()[0]
        raise SettingsError(
            f"compile is True, and torch.compile does not work here: {reason}; "
            "install a C++ compiler (g++), or train without it"
        ) from exc


def _double(values: Tensor) -> Tensor:
    return values * 2
