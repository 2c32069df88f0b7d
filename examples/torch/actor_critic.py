"""Advantage actor-critic on a made-up environment: the critic's value is a baseline that the policy does not train."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class ActorCritic(nn.Module):
    """A shared body with a head for the policy and one for the value."""

    def __init__(self, state_features, actions):
        super().__init__()
        self.body = nn.Linear(state_features, 8)
        self.policy = nn.Linear(8, actions)
        self.value = nn.Linear(8, 1)

    def forward(self, state):
        hidden = torch.tanh(self.body(state))
        return F.log_softmax(self.policy(hidden), dim=-1), self.value(hidden).squeeze(-1)


dynamics = 0.5 * torch.randn(3, 3)
pushes = torch.randn(2, 3)  # what each of the two actions does to the state
state = torch.randn(4, 3)  # four environments side by side

model = ActorCritic(state_features=3, actions=2)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2, alpha=0.99)

log_probabilities, values, rewards, entropies = [], [], [], []
for _ in range(3):
    log_policy, value = model(state)
    action = torch.multinomial(log_policy.detach().exp(), num_samples=1)
    log_probabilities.append(log_policy.gather(1, action).squeeze(1))
    values.append(value)
    entropies.append(-(log_policy.exp() * log_policy).sum(dim=1))
    state = torch.tanh(state @ dynamics + pushes[action.squeeze(1)])
    rewards.append(1.0 - state.abs().mean(dim=1))

discount = 0.9
with torch.no_grad():
    _, following = model(state)  # what the steps after the last are worth
returns = []
for reward in reversed(rewards):
    following = reward + discount * following
    returns.insert(0, following)

returns, values = torch.stack(returns), torch.stack(values)
advantages = returns - values.detach()
policy_loss = -(torch.stack(log_probabilities) * advantages).mean()
value_loss = F.smooth_l1_loss(values, returns)
entropy = torch.stack(entropies).mean()
loss = policy_loss + 0.5 * value_loss - 0.01 * entropy

optimizer.zero_grad()
loss.backward()
optimizer.step()

print(f"policy loss {policy_loss.item():.4f}, value loss {value_loss.item():.4f}, entropy {entropy.item():.4f}")
