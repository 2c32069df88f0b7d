"""Each parameter is updated as soon as its gradient is complete, so that no two gradients need to live at once."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

inputs = torch.randn(8, 5)
targets = inputs.cos().sum(dim=1, keepdim=True)

model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
optimizers = {parameter: torch.optim.Adam([parameter], lr=1e-2) for parameter in model.parameters()}


def step_now(parameter):
    """Update one parameter, then let go of its gradient."""
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


for parameter in model.parameters():
    parameter.register_post_accumulate_grad_hook(step_now)

losses = []
for _ in range(3):
    loss = F.mse_loss(model(inputs), targets)
    loss.backward()  # steps and clears as it goes
    losses.append(loss.detach())

gradients_left = [parameter.grad for parameter in model.parameters()]

print("loss:", [round(value.item(), 4) for value in losses])
print("gradients left:", gradients_left)
