"""What everyday training scripts are made of: loaders, schedules, clipping, parametrizations, saved states."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.translation import translate_script

LOADER = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(6, 2), torch.randint(0, 3, (6,)))
    model = nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Dropout(0.1), nn.Linear(3, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for inputs, labels in DataLoader(data, batch_size=3, shuffle=True):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(inputs), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


main()
"""

ENCODER = """
import torch
from torch import nn

torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(4, 2, 4, dropout=0.0, batch_first=True)
mask = nn.Transformer.generate_square_subsequent_mask(3)
layer(torch.randn(2, 3, 4), src_mask=mask, is_causal=True).square().sum().backward()
"""

PARAMETRIZED = """
import copy
import io
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(2, 3, 3, padding=1))
        self.norm = nn.BatchNorm1d(3)
        self.out = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 1))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        return self.out(torch.relu(self.norm(self.conv(x))).mean(2))


torch.manual_seed(0)
net = Net()
average = copy.deepcopy(net)
net(torch.randn(4, 2, 3)).square().mean().backward()
with torch.no_grad():
    for mean, parameter in zip(average.parameters(), net.parameters()):
        parameter -= 0.1 * parameter.grad
        mean.mul_(0.9).add_(parameter, alpha=0.1)
saved = io.BytesIO()
torch.save(net.state_dict(), saved)
saved.seek(0)
net.load_state_dict(torch.load(saved))
"""


@pytest.mark.parametrize(
    ("script", "updated"),
    [
        pytest.param(LOADER, {"model_0_weight", "model_3_bias"}, id="loader"),
        pytest.param(ENCODER, set(), id="encoder"),
        pytest.param(PARAMETRIZED, {"net_count", "net_norm_running_var", "average_out_bias"}, id="parametrized"),
    ],
)
def test_everyday_code_is_proven(script: str, updated: set[str], tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(script, "utf-8")
    result = translate_script(path, dtype="float64").result
    assert result.verdict == "proven", result.reason
    assert updated <= {one.name for one in result.observations}
