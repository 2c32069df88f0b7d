"""A Wasserstein critic whose gradient with respect to its input is part of its loss, and so differentiated again."""

import torch
from torch import nn

torch.manual_seed(0)


class Critic(nn.Module):
    """Points `[batch, 2]` to scores `[batch]`."""

    def __init__(self, hidden_features):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden_features), nn.Softplus(), nn.Linear(hidden_features, 1, bias=False)
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def gradient_penalty(critic, real, fake):
    """Mean squared distance of the gradient's norm from one, at random points between real and fake."""
    mix = torch.rand(real.shape[0], 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    scores = critic(between)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    return (gradient.norm(dim=1) - 1).pow(2).mean()


real = torch.randn(8, 2) + torch.tensor([2.0, 0.0])
fake = torch.randn(8, 2)

critic = Critic(hidden_features=10)
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2, betas=(0.0, 0.9))

losses, penalties = [], []
for _ in range(3):
    optimizer.zero_grad()
    penalty = gradient_penalty(critic, real, fake)
    loss = critic(fake).mean() - critic(real).mean() + 10.0 * penalty
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())
    penalties.append(penalty.detach())

print("loss:", [round(value.item(), 4) for value in losses])
print("penalty:", [round(value.item(), 4) for value in penalties])
