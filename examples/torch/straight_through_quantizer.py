"""A vector-quantised autoencoder: the nearest code goes forward, the gradient straight through to the encoder."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Quantizer(nn.Module):
    """Each row of `[batch, width]` becomes its nearest code."""

    def __init__(self, codes, width, commitment):
        super().__init__()
        self.codebook = nn.Embedding(codes, width)
        self.commitment = commitment

    def forward(self, z):
        distances = (z.unsqueeze(1) - self.codebook.weight).pow(2).sum(dim=-1)
        index = distances.argmin(dim=1)
        code = self.codebook(index)
        loss = F.mse_loss(code, z.detach()) + self.commitment * F.mse_loss(z, code.detach())
        # The value of the code, the derivative of z.
        return z + (code - z).detach(), loss, index


data = torch.randn(8, 6)

encoder = nn.Sequential(nn.Linear(6, 8), nn.SiLU(), nn.Linear(8, 3))
quantizer = Quantizer(codes=5, width=3, commitment=0.25)
decoder = nn.Linear(3, 6)

parameters = [*encoder.parameters(), *quantizer.parameters(), *decoder.parameters()]
optimizer = torch.optim.Adagrad(parameters, lr=0.05)

losses = []
for _ in range(3):
    quantized, quantizer_loss, index = quantizer(encoder(data))
    loss = F.mse_loss(decoder(quantized), data) + quantizer_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
print("codes:", index.tolist())
