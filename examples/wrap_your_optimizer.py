"""Adam, Adam with learning rate dropout, and the fair baseline: Adam at lr × keep."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from lrd_core import LRD

IMAGES, LABELS = (torch.as_tensor(array) for array in load_digits(return_X_y=True))
X, Y, TRAIN = IMAGES.float() / 16, LABELS.long(), 1400


def train(name: str, lr: float, drop_rate: float | None = None) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer: torch.optim.Optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    if drop_rate is not None:
        optimizer = LRD(optimizer, drop_rate=drop_rate, seed=0)  # the one line
    for batch in torch.randint(TRAIN, (600, 64)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X[batch]), Y[batch]).backward()
        optimizer.step()
    loss = nn.functional.cross_entropy(model(X[:TRAIN]), Y[:TRAIN])
    right = (model(X[TRAIN:]).argmax(1) == Y[TRAIN:]).float().mean()
    print(f"{name:22} train loss {loss.item():.4f}   test accuracy {right.item():.1%}")  # noqa: T201


train("Adam", lr=0.003)
train("LRD(Adam), 0.5", lr=0.003, drop_rate=0.5)
train("Adam at lr × keep", lr=0.0015)
