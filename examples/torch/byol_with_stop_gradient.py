"""Learning without labels: one view predicts the other's embedding, which a slow copy gives without a gradient."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

online = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 4))
predictor = nn.Linear(4, 4)
target = copy.deepcopy(online)
for parameter in target.parameters():
    parameter.requires_grad_(False)

optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], lr=0.1, momentum=0.9, nesterov=True)


def augment(x):
    """A noisy copy, each sample scaled by a factor of its own."""
    return x * (0.8 + 0.4 * torch.rand(x.shape[0], 1)) + 0.1 * torch.randn_like(x)


def regression_loss(prediction, embedding):
    """Twice one minus the cosine, with no gradient to the embedding."""
    prediction = F.normalize(prediction, dim=1)
    embedding = F.normalize(embedding.detach(), dim=1)
    return 2 - 2 * (prediction * embedding).sum(dim=1).mean()


@torch.no_grad()
def update_target(decay):
    """Move every weight of the slow copy a little towards the online one."""
    for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
        slow.mul_(decay).add_(fast, alpha=1 - decay)


data = torch.randn(8, 6)
losses = []
for _ in range(3):
    first, second = augment(data), augment(data)
    loss = regression_loss(predictor(online(first)), target(second))
    loss = loss + regression_loss(predictor(online(second)), target(first))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_target(decay=0.9)
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
