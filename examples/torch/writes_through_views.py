"""A feature map assembled in one buffer: slices, rows, a diagonal and a reshaped view of it are written in turn."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class GatedMap(nn.Module):
    """Vectors `[batch, features]` to maps `[batch, 4, 4]`, written part by part."""

    def __init__(self, features):
        super().__init__()
        self.gates = nn.Linear(features, 8)
        self.border = nn.Parameter(torch.randn(4))
        self.scale = nn.Parameter(torch.ones(2, 2))

    def forward(self, x):
        gates = self.gates(x)
        gates[:, 4:] *= 0.5
        gates[:, :4].sigmoid_()  # the first half opens and closes, the second half is what passes
        passed = gates[:, :4] * gates[:, 4:]

        canvas = torch.zeros(x.shape[0], 4, 4)
        canvas[:, 1:3, 1:3] = passed.view(-1, 2, 2)  # the centre
        canvas[:, 0] = self.border  # the first row
        canvas.transpose(1, 2)[:, 3].add_(self.border.flip(0))  # the last column
        canvas.diagonal(dim1=1, dim2=2).mul_(0.5)
        canvas.view(-1, 4, 2, 2)[:, ::2].mul_(self.scale)  # every other row, in pairs
        return canvas


inputs = torch.randn(4, 3)
targets = torch.randn(4, 4, 4)

model = GatedMap(features=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

losses = []
for _ in range(3):
    loss = F.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
