"""A view sees what is written to its base later: the first two gradients are 20, not 2."""

import torch

w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = w * 2
head = y[:2]
y *= 10
loss = head.sum()
loss.backward()
print(w.grad)
