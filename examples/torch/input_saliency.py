"""Which pixels matter: the gradient of one class score with respect to the image, plain and averaged over noise."""

import torch
from torch import nn

torch.manual_seed(0)

model = nn.Sequential(
    nn.Conv2d(3, 4, kernel_size=3, padding=1),
    nn.BatchNorm2d(4),
    nn.ReLU(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(4 * 3 * 3, 5),
)
model.eval()
for parameter in model.parameters():
    parameter.requires_grad_(False)

image = torch.rand(1, 3, 6, 6, requires_grad=True)

scores = model(image)
predicted = scores.argmax(dim=1).item()
score = scores[0, predicted]
score.backward()
saliency = image.grad.abs().amax(dim=1).squeeze(0)  # [height, width]
contribution = (image.detach() * image.grad).sum()

# The same gradient at noisy copies of the image, averaged.
samples = 4
noisy = (image.detach() + 0.1 * torch.randn(samples, 3, 6, 6)).requires_grad_()
(gradients,) = torch.autograd.grad(model(noisy)[:, predicted].sum(), noisy)
smooth_saliency = gradients.mean(dim=0).abs().amax(dim=0)

row, column = divmod(saliency.argmax().item(), saliency.shape[1])
print(f"class {predicted}, score {score.item():.4f}, most sensitive pixel ({row}, {column})")
