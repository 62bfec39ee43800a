"""Noisy digits: the default shows overfitting."""

import numpy as np
import torch

from lrd_core.problems import get_problem


def test_the_test_loss_falls_and_then_rises_while_the_training_loss_falls():
    problem = get_problem("noisy-digits")
    instance = problem.build({}, 0)
    optimizer = torch.optim.SGD(instance.parameters, problem.suggested_lr["sgd"], momentum=0.9)
    train, test = [], [instance.test()["test_loss"]]
    for step in range(1, 701):
        optimizer.zero_grad()
        loss = instance.loss(step)
        loss.backward()
        optimizer.step()
        train.append(loss.item())
        if step % 50 == 0:
            test.append(instance.test()["test_loss"])
    best = int(np.argmin(test))
    assert 0 < best < len(test) // 2
    assert test[best] < 0.5 * test[0]
    assert test[-1] > 1.08 * test[best]
    assert np.mean(train[-50:]) < 0.8 * np.mean(train[50 * best : 50 * best + 50])
