"""Several micro-batches make one optimizer step: their gradients add up in .grad, which is clipped before the step."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

inputs = torch.randn(16, 6)
labels = torch.randint(0, 4, (16,))

model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

accumulation_steps = 2
micro_batches = list(zip(inputs.split(4), labels.split(4), strict=True))

losses, gradient_norms = [], []
optimizer.zero_grad()
for number, (x, y) in enumerate(micro_batches, start=1):
    loss = F.cross_entropy(model(x), y) / accumulation_steps
    loss.backward()
    losses.append(loss.detach())
    if number % accumulation_steps == 0:
        gradient_norms.append(nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5))
        optimizer.step()
        if number < len(micro_batches):
            optimizer.zero_grad()

print("loss:", [round(value.item(), 4) for value in losses])
print("norm before clipping:", [round(value.item(), 4) for value in gradient_norms])
