"""A small image classifier with batch normalisation, max pooling and dropout, trained and then evaluated."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class ConvNet(nn.Module):
    """Two blocks of convolution, batch norm and pooling, then a linear classifier."""

    def __init__(self, classes):
        super().__init__()
        # A batch norm has a shift of its own: a bias before it would have no effect.
        self.conv1 = nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 8, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(0.25)
        self.classifier = nn.Linear(8 * 2 * 2, classes)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(images))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = self.dropout(x.flatten(1))
        return self.classifier(x)


images = torch.randn(8, 1, 8, 8)
labels = torch.randint(0, 3, (8,))

model = ConvNet(classes=3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

losses = []
model.train()
for _ in range(2):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

model.eval()
with torch.no_grad():
    logits = model(images)
    accuracy = (logits.argmax(dim=1) == labels).sum() / len(labels)

print("loss:", [round(value.item(), 4) for value in losses])
print("accuracy after training:", accuracy.item())
