"""Domain adaptation: an identity layer that flips the gradient makes the features forget the domain."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class ReverseGradient(torch.autograd.Function):
    """The input itself; its gradient is the incoming one times `-strength`."""

    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


class DomainAdversarialNet(nn.Module):
    """Shared features, a head for the label and a head for the domain."""

    def __init__(self, in_features, classes):
        super().__init__()
        self.features = nn.Linear(in_features, 8)
        self.label = nn.Linear(8, classes)
        self.domain = nn.Linear(8, 1)

    def forward(self, x, strength):
        features = torch.sigmoid(self.features(x))
        domain = self.domain(ReverseGradient.apply(features, strength))
        return self.label(features), domain.squeeze(1)


source, target = torch.randn(6, 5), torch.randn(6, 5) + 0.5
labels = torch.randint(0, 3, (6,))
inputs = torch.cat([source, target])
domains = torch.cat([torch.zeros(6), torch.ones(6)])

model = DomainAdversarialNet(in_features=5, classes=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

label_losses, domain_losses = [], []
for step in range(3):
    label_logits, domain_logits = model(inputs, strength=0.5 * (step + 1))
    label_loss = F.cross_entropy(label_logits[:6], labels)  # only the source has labels
    domain_loss = F.binary_cross_entropy_with_logits(domain_logits, domains)
    optimizer.zero_grad()
    (label_loss + domain_loss).backward()
    optimizer.step()
    label_losses.append(label_loss.detach())
    domain_losses.append(domain_loss.detach())

print("label loss:", [round(value.item(), 4) for value in label_losses])
print("domain loss:", [round(value.item(), 4) for value in domain_losses])
