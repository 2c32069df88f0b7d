"""One pre-norm transformer block with causal self-attention, trained to predict the next token."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class SelfAttention(nn.Module):
    """Causal attention of several heads: `[batch, time, width]` to the same shape."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in (q, k, v))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.project(attended.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """Attention and a two-layer network, each normalised before and added to its input."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


vocabulary, width, context = 11, 8, 6
tokens = torch.randint(0, vocabulary, (4, context + 1))
inputs, targets = tokens[:, :-1], tokens[:, 1:]

embedding = nn.Embedding(vocabulary, width)
position = nn.Parameter(0.02 * torch.randn(context, width))
block = Block(width, heads=2)
head = nn.Linear(width, vocabulary)

parameters = [*embedding.parameters(), position, *block.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1)

losses = []
for _ in range(2):
    logits = head(block(embedding(inputs) + position))
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

print("loss:", [round(value.item(), 4) for value in losses])
