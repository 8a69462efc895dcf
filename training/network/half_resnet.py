"""A backbone for machines without an accelerator: ResNet's own blocks, one a stage, at half the width.

About a sixth of ResNet18's arithmetic, so that a CPU sees several times the photos in the same minutes, which from
random weights counts for more than depth (He et al. 2016, "Deep residual learning", section 4.2, has the blocks).
Its features are those of the last three stages: of a 64-pixel photo the last one keeps 2 x 2 points, and what tells
two like products apart is smaller than that. They are batch-normalised, so that stages weigh alike, and what all photos
have in common is no likeness (Luo et al. 2019, "Bag of tricks", section 3, has such a neck before its classifier).
"""

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

NAME = "resnet10_half"
_WIDTH = 32


class HalfResNet10(ResNet):  # type: ignore[misc]
    """Four basic blocks, of 32, 64, 128 and 256 channels; pooled features (n, 448). Stages are named as ResNet's."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, [1, 1, 1, 1])
        self.inplanes = _WIDTH
        self.conv1 = nn.Conv2d(3, _WIDTH, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTH)
        self.layer1 = self._make_layer(BasicBlock, _WIDTH, 1)
        self.layer2 = self._make_layer(BasicBlock, 2 * _WIDTH, 1, stride=2)
        self.layer3 = self._make_layer(BasicBlock, 4 * _WIDTH, 1, stride=2)
        self.layer4 = self._make_layer(BasicBlock, 8 * _WIDTH, 1, stride=2)
        features = (2 + 4 + 8) * _WIDTH
        self.neck = nn.BatchNorm1d(features)
        self.fc = nn.Linear(features, 1000)
        # As torchvision does it for its own: the layers above are new.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Float32 (n, 3, size, size) -> (n, 1000)."""
        stem = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        fine = self.layer2(self.layer1(stem))
        middle = self.layer3(fine)
        pooled = [stage.mean(dim=(2, 3)) for stage in (fine, middle, self.layer4(middle))]
        answer: Tensor = self.fc(self.neck(torch.cat(pooled, dim=1)))
        return answer
