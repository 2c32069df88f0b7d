"""Fine-tuning: the backbone is frozen while the head settles, then its last layer is set free."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

backbone = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 8), nn.Tanh())
head = nn.Linear(8, 3)

inputs = torch.randn(8, 6)
labels = torch.randint(0, 3, (8,))


def train(optimizer, steps):
    """Train whatever requires a gradient; returns the loss of each step."""
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(head(backbone(inputs)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


for parameter in backbone.parameters():
    parameter.requires_grad = False
head_losses = train(torch.optim.AdamW(head.parameters(), lr=1e-2), steps=2)

last_layer = backbone[2]
for parameter in last_layer.parameters():
    parameter.requires_grad = True
trainable = [parameter for parameter in (*backbone.parameters(), *head.parameters()) if parameter.requires_grad]
tuning_losses = train(torch.optim.SGD(trainable, lr=0.05), steps=2)

frozen_gradients = [parameter.grad for parameter in backbone[0].parameters()]

print("loss with a frozen backbone:", [round(value.item(), 4) for value in head_losses])
print("loss with its last layer free:", [round(value.item(), 4) for value in tuning_losses])
print("gradients of the frozen layer:", frozen_gradients)
