"""An LSTM on one long sequence: its state is carried from chunk to chunk, the gradient stops at each boundary."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class SequenceModel(nn.Module):
    """An LSTM and a linear readout at every step."""

    def __init__(self, hidden_features):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_features, batch_first=True)
        self.readout = nn.Linear(hidden_features, 1)

    def forward(self, x, state):
        outputs, state = self.lstm(x, state)
        return self.readout(outputs), state


steps, chunk = 9, 3
time = torch.linspace(0.0, 3.0, steps + 1)
phases = torch.rand(4, 1)
waves = torch.sin(time + phases).unsqueeze(-1)  # [batch, time, feature]
inputs, targets = waves[:, :-1], waves[:, 1:]

model = SequenceModel(hidden_features=6)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)

losses = []
state = (torch.zeros(1, 4, 6), torch.zeros(1, 4, 6))
for start in range(0, steps, chunk):
    # The values of the state go on, its history does not.
    state = tuple(part.detach() for part in state)
    predictions, state = model(inputs[:, start : start + chunk], state)
    loss = F.mse_loss(predictions, targets[:, start : start + chunk])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss of each chunk:", [round(value.item(), 4) for value in losses])
