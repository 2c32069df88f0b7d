"""An autoencoder: strided convolutions down to a short code, transposed convolutions back up."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Autoencoder(nn.Module):
    """Images `[batch, 1, 8, 8]` to a code `[batch, 4, 2, 2]` and back."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=3, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(4, 4, kernel_size=3, stride=2, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4, 4, kernel_size=2, stride=2),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(4, 1, kernel_size=2, stride=2),
            nn.Sigmoid(),
        )

    def forward(self, images):
        code = self.encoder(images)
        return self.decoder(code), code


images = torch.rand(4, 1, 8, 8)

model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

losses = []
for _ in range(3):
    reconstruction, code = model(images)
    loss = F.mse_loss(reconstruction, images) + 1e-3 * code.abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
