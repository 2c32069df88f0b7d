"""A variational autoencoder: the reparametrised sample lets the gradient through the noise."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class VAE(nn.Module):
    """A Gaussian encoder and a Bernoulli decoder."""

    def __init__(self, features, hidden_features, latent_features):
        super().__init__()
        self.encoder = nn.Linear(features, hidden_features)
        self.mean = nn.Linear(hidden_features, latent_features)
        self.log_variance = nn.Linear(hidden_features, latent_features)
        self.decoder = nn.Sequential(
            nn.Linear(latent_features, hidden_features), nn.Tanh(), nn.Linear(hidden_features, features)
        )

    def forward(self, x):
        hidden = torch.tanh(self.encoder(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        std = torch.exp(0.5 * log_variance)
        latent = mean + std * torch.randn_like(std)
        return self.decoder(latent), mean, log_variance


def negative_elbo(logits, x, mean, log_variance):
    """Reconstruction error plus the divergence from the standard normal, per sample."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (reconstruction + divergence) / x.shape[0]


data = torch.rand(6, 10)

model = VAE(features=10, hidden_features=8, latent_features=2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

losses = []
for _ in range(2):
    optimizer.zero_grad()
    logits, mean, log_variance = model(data)
    loss = negative_elbo(logits, data, mean, log_variance)
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("negative ELBO:", [round(value.item(), 4) for value in losses])
