"""Deep Q-learning: the target comes from a second network under no_grad, a copy of the first made now and then."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def q_network(state_features, actions):
    """One value per action."""
    return nn.Sequential(nn.Linear(state_features, 12), nn.ReLU(), nn.Linear(12, actions))


online = q_network(state_features=4, actions=3)
target = q_network(state_features=4, actions=3)
target.load_state_dict(online.state_dict())
optimizer = torch.optim.RMSprop(online.parameters(), lr=1e-2, momentum=0.5)

# Transitions that a replay buffer would hand out.
states = torch.randn(4, 8, 4)
actions = torch.randint(0, 3, (4, 8))
rewards = torch.randn(4, 8)
next_states = states + 0.1 * torch.randn(4, 8, 4)
done = torch.rand(4, 8) < 0.2

discount, copy_every = 0.95, 2
losses = []
for step in range(4):
    with torch.no_grad():
        best_next = target(next_states[step]).max(dim=1).values
        expected = rewards[step] + discount * best_next.masked_fill(done[step], 0.0)

    chosen = online(states[step]).gather(1, actions[step].unsqueeze(1)).squeeze(1)
    loss = F.smooth_l1_loss(chosen, expected)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

    if (step + 1) % copy_every == 0:
        target.load_state_dict(online.state_dict())

print("loss:", [round(value.item(), 4) for value in losses])
