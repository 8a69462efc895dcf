"""A backbone for training on a CPU: one ResNet basic block per stage, with half of the channels.

It needs about one sixth of the operations of ResNet18, so a CPU processes several times as many photos in the same
time. When training starts from random weights, that helps more than depth. (The blocks: He et al. 2016, "Deep residual
learning", section 4.2.)
The features are the pooled outputs of the last three stages. For a 64-pixel photo, the last stage has only 2 x 2
positions, and the details that distinguish two similar products are smaller than that. Batch normalisation of the
features gives all stages the same weight and removes the part that all photos have in common, which would otherwise
increase every similarity (Luo et al. 2019, "Bag of tricks", section 3, has such a neck before its classifier).
"""

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

NAME = "resnet10_half"
_WIDTH = 32


class HalfResNet10(ResNet):  # type: ignore[misc]
    """Four basic blocks, of 32, 64, 128 and 256 channels; pooled features (n, 448). Stage names are those of ResNet."""

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
        # The same initialisation as in torchvision's ResNet, for the new layers above.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Float32 (n, 3, size, size) -> (n, 1000)."""
        stem = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        fine = self.layer2(self.layer1(stem))
        middle = self.layer3(fine)
        pooled = [stage.mean(dim=(2, 3)) for stage in (fine, middle, self.layer4(middle))]
        logits: Tensor = self.fc(self.neck(torch.cat(pooled, dim=1)))
        return logits
