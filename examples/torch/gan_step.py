"""A generative adversarial network: two optimizers take turns, and detach() keeps one out of the other's step."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

generator = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
discriminator = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))

generator_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))

angles = 6.28 * torch.rand(8)
real = torch.stack([angles.cos(), angles.sin()], dim=1)  # points on the unit circle
ones, zeros = torch.ones(8, 1), torch.zeros(8, 1)

discriminator_losses, generator_losses = [], []
for _ in range(2):
    fake = generator(torch.randn(8, 3))

    # The discriminator learns from samples; detach() spares the generator this backward.
    discriminator_optimizer.zero_grad()
    real_loss = F.binary_cross_entropy_with_logits(discriminator(real), ones)
    fake_loss = F.binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
    discriminator_loss = real_loss + fake_loss
    discriminator_loss.backward()
    discriminator_optimizer.step()

    # The generator learns through the discriminator that was just updated.
    generator_optimizer.zero_grad()
    generator_loss = F.binary_cross_entropy_with_logits(discriminator(fake), ones)
    generator_loss.backward()
    generator_optimizer.step()

    discriminator_losses.append(discriminator_loss.detach())
    generator_losses.append(generator_loss.detach())

print("discriminator:", [round(value.item(), 4) for value in discriminator_losses])
print("generator:", [round(value.item(), 4) for value in generator_losses])
