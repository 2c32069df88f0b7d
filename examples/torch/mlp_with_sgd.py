"""A perceptron with one hidden layer, trained with SGD, momentum and weight decay."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class MLP(nn.Module):
    """Two linear layers around a ReLU."""

    def __init__(self, in_features, hidden_features, out_features):
        super().__init__()
        self.hidden = nn.Linear(in_features, hidden_features)
        self.output = nn.Linear(hidden_features, out_features)

    def forward(self, x):
        return self.output(F.relu(self.hidden(x)))


inputs = torch.randn(8, 4)
targets = inputs.sin().sum(dim=1, keepdim=True)

model = MLP(4, 16, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)

losses = []
for _ in range(4):
    predictions = model(inputs)
    loss = F.mse_loss(predictions, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
