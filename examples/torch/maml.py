"""Model-agnostic meta-learning: the outer gradient goes through the inner gradient step of every task."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)


def predict(weights, x):
    """A network of one hidden layer, as a function of its weights."""
    w1, b1, w2, b2 = weights
    return F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2)


def adapt(weights, x, y, learning_rate):
    """The weights after one inner step, with their history."""
    loss = F.mse_loss(predict(weights, x), y)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    return [weight - learning_rate * gradient for weight, gradient in zip(weights, gradients, strict=True)]


def sample_task():
    """Support and query points of one sine wave, `[5, 1]` each."""
    amplitude, phase = 0.5 + torch.rand(1), 3.0 * torch.rand(1)
    support, query = torch.randn(5, 1), torch.randn(5, 1)
    return (support, amplitude * torch.sin(support + phase)), (query, amplitude * torch.sin(query + phase))


weights = [torch.randn(10, 1), torch.zeros(10), 0.3 * torch.randn(1, 10), torch.zeros(1)]
for weight in weights:
    weight.requires_grad_()
optimizer = torch.optim.Adam(weights, lr=1e-2)

losses = []
for _ in range(2):
    optimizer.zero_grad()
    meta_loss = 0.0
    for _ in range(3):
        (support_x, support_y), (query_x, query_y) = sample_task()
        adapted = adapt(weights, support_x, support_y, learning_rate=0.1)
        meta_loss = meta_loss + F.mse_loss(predict(adapted, query_x), query_y) / 3
    meta_loss.backward()
    optimizer.step()
    losses.append(meta_loss.detach())

print("meta-loss:", [round(value.item(), 4) for value in losses])
