"""A hook clips what each sample sends back into the encoder, so that no single sample dominates a step."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

max_norm = 0.05


def clip_per_sample(gradient):
    """Rows of `[batch, width]` scaled down to a norm of at most `max_norm`."""
    norms = gradient.norm(dim=1, keepdim=True)
    return gradient * (max_norm / (norms + 1e-6)).clamp(max=1.0)


class Regressor(nn.Module):
    """An encoder and a linear head; the gradient is clipped between them."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(5, 10), nn.Tanh())
        self.head = nn.Linear(10, 1)

    def forward(self, x):
        features = self.encoder(x)
        if features.requires_grad:
            features.register_hook(clip_per_sample)
        return self.head(features)


inputs = torch.randn(8, 5)
targets = inputs.sum(dim=1, keepdim=True)
targets[0] += 20.0  # an outlier

model = Regressor()
# The bias of the head sees every sample's error directly: it gets a hook of its own.
model.head.bias.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)

losses = []
for _ in range(3):
    loss = F.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

with torch.no_grad():
    predictions = model(inputs)

print("loss:", [round(value.item(), 4) for value in losses])
