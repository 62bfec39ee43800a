"""The digits task: it learns, it repeats itself bit for bit, and its noise is what it says."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.problems import get_problem
from lrd_core.problems.tasks.digits import data, noisy
from lrd_core.settings import SettingError

DIGITS = get_problem("digits")


def train(instance, steps, lr=0.003):
    """Losses (steps,) of Adam."""
    optimizer = torch.optim.Adam(instance.parameters, lr=lr)
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = instance.loss(step)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def test_the_split_is_fixed_stratified_and_complete():
    split = data()
    assert split.train_images.shape == (1437, 64)
    assert split.test_images.shape == (360, 64)
    assert (split.train_images.min(), split.train_images.max()) == (0, 1)
    shares = torch.bincount(split.train_labels) / torch.bincount(split.test_labels)
    assert (shares - 1437 / 360).abs().max() < 0.2
    everything = torch.cat([split.train_images, split.test_images])
    assert len(torch.unique(everything, dim=0)) == 1797


def test_the_split_is_kept_and_then_needs_no_scikit_learn(tmp_path, monkeypatch):
    script = (
        "import sys; from lrd_core.problems.tasks.digits import data;"
        "found = data(); print('sklearn' in sys.modules);"
        "print(*(t.double().mul(torch.arange(1., 1 + t.numel()).view_as(t)).sum().item()"
        " for t in vars(found).values()))"
    )
    monkeypatch.setenv("LRD_DATA_CACHE", str(tmp_path))
    told = [python(f"import torch; {script}").split("\n", 1) for _ in range(2)]
    assert [imported for imported, _ in told] == ["True", "False"]
    assert told[0][1] == told[1][1]


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_adam_reaches_97_percent_in_the_default_comparison():
    accuracy, last = [], []
    for seed in range(2):
        instance = DIGITS.build({}, seed)
        last.append(train(instance, 900)[-22:].mean())
        accuracy.append(instance.test()["test_accuracy"])
    assert 0.01 < np.mean(last) < 0.04
    assert np.mean(accuracy) > 0.965


def test_the_start_knows_nothing():
    instance = DIGITS.build({}, 0)
    assert instance.loss(1).item() == pytest.approx(np.log(10), abs=0.4)
    assert instance.test()["test_loss"] == pytest.approx(np.log(10), abs=0.4)
    assert instance.test()["test_accuracy"] < 0.4


def test_test_is_measured_over_all_360_images():
    instance = DIGITS.build({}, 0)
    measured = instance.test()
    correct = measured["test_accuracy"] * 360
    assert correct == pytest.approx(round(correct), abs=1e-3)
    assert set(measured) == {"test_loss", "test_accuracy"}
    assert all(p.grad is None for p in instance.parameters)


def test_same_arguments_same_bits_whatever_other_code_draws():
    one = DIGITS.build({"label_noise": 0.3}, 5)
    first = train(one, 60)
    torch.manual_seed(0)
    np.random.seed(0)
    other = DIGITS.build({"label_noise": 0.3}, 5)
    torch.rand(10)
    assert train(other, 60).tolist() == first.tolist()
    for a, b in zip(one.parameters, other.parameters, strict=True):
        assert torch.equal(a, b)
    assert train(DIGITS.build({"label_noise": 0.3}, 6), 60).tolist() != first.tolist()


def test_a_run_ahead_sees_the_batches_that_a_run_behind_will_see():
    ahead, behind = DIGITS.build({}, 1), DIGITS.build({}, 1)
    steps = [1, 22, 23, 500, 44, 3, 500, 1]
    seen = {step: ahead.loss(step).item() for step in steps}
    assert len(set(seen.values())) == len(set(steps))
    for step in sorted(seen):
        assert behind.loss(step).item() == seen[step]


def test_width_and_learning_leave_the_data_order_alone():
    """A batch shows in the gradient of the last bias: its sum over classes of labels is known."""
    narrow = DIGITS.build({"depth": 0}, 3)
    trained = DIGITS.build({"depth": 0}, 3)
    train(trained, 30)
    for instance in (narrow, trained):
        with torch.no_grad():
            for parameter in instance.parameters:
                parameter.zero_()
    for step in (1, 40, 22):
        for instance in (narrow, trained):
            instance.parameters[1].grad = None
            instance.loss(step).backward()
        assert torch.equal(narrow.parameters[1].grad, trained.parameters[1].grad)


def test_an_epoch_shows_every_image_once():
    """479 × 3 = 1,437: the mean of an epoch's losses is the loss over all images."""
    thirds, whole = DIGITS.build({"batch": 479}, 2), DIGITS.build({"batch": 1437}, 2)
    full = whole.loss(1).item()
    for epoch in range(3):
        losses = [thirds.loss(3 * epoch + k).item() for k in (1, 2, 3)]
        assert len(set(losses)) == 3
        assert np.mean(losses) == pytest.approx(full, rel=1e-5)
    assert whole.loss(9).item() == pytest.approx(full, rel=1e-5)


def test_the_gradient_is_the_slope():
    instance = DIGITS.build({"batch": 256, "depth": 2, "width": 16}, 0)
    instance.loss(1).backward()
    norm_squared = sum(p.grad.square().sum().item() for p in instance.parameters)
    h = 1e-2 / norm_squared**0.5
    sides = []
    for sign in (1, -2):
        with torch.no_grad():
            for parameter in instance.parameters:
                parameter.add_(parameter.grad, alpha=sign * h)
        sides.append(instance.loss(1).item())
    assert (sides[0] - sides[1]) / (2 * h) == pytest.approx(norm_squared, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(4, 64),
    depth=st.integers(0, 4),
    batch=st.integers(1, 1437),
    label_noise=st.floats(0, 0.9),
    seed=st.integers(0, 2**32),
    step=st.integers(1, 10**7),
)
def test_every_setting_in_range_builds_what_it_says(width, depth, batch, label_noise, seed, step):
    given_settings = {"width": width, "depth": depth, "batch": batch, "label_noise": label_noise}
    instance = DIGITS.build(given_settings, seed)
    sizes = [64, *[width] * depth, 10]
    assert [tuple(p.shape) for p in instance.parameters[::2]] == [
        (sizes[k + 1], sizes[k]) for k in range(depth + 1)
    ]
    assert instance.names[-2:] == ["out.weight", "out.bias"]
    loss = instance.loss(step)
    assert loss.isfinite()
    assert loss.item() == DIGITS.build(given_settings, seed).loss(step).item()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("batch", 1438, "a whole number in [1, 1437]"),
        ("batch", 0, "a whole number in [1, 1437]"),
        ("batch", 64.5, "a whole number in [1, 1437]"),
        ("width", 3, "a whole number in [4, 512]"),
        ("width", 513, "a whole number in [4, 512]"),
        ("depth", -1, "a whole number in [0, 4]"),
        ("depth", True, "a whole number in [0, 4]"),
        ("label_noise", 0.91, "a finite number in [0, 0.9]"),
        ("label_noise", float("nan"), "a finite number in [0, 0.9]"),
        ("label_noise", "much", "a finite number in [0, 0.9]"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(SettingError) as caught:
        DIGITS.build({name: value}, 0)
    assert caught.value.field == f"settings.{name}"
    assert caught.value.value is value
    assert caught.value.allowed == allowed


@settings(max_examples=40)
@given(st.floats(0, 0.9), st.integers(0, 2**32))
def test_label_noise_replaces_its_fraction_by_other_classes(fraction, seed):
    labels = data().train_labels.numpy()
    changed = noisy(labels, fraction, seed)
    assert np.count_nonzero(changed != labels) == round(fraction * 1437)
    assert set(changed) <= set(range(10))
    more = noisy(labels, 0.9, seed)
    touched = changed != labels
    assert (more[touched] == changed[touched]).all()


def test_label_noise_reaches_every_other_class_alike():
    labels = np.zeros(90_000, dtype=np.int64)
    counts = np.bincount(noisy(labels, 0.9, 0), minlength=10)
    assert counts[0] == 9_000
    assert np.abs(counts[1:] - 9_000).max() < 5 * 9_000**0.5


def test_label_noise_leaves_the_start_and_the_test_images_alone():
    clean, noised = DIGITS.build({}, 4), DIGITS.build({"label_noise": 0.9}, 4)
    assert clean.test() == noised.test()
    assert clean.loss(1).item() != noised.loss(1).item()


def test_label_noise_shows_overfitting():
    instance = DIGITS.build({"label_noise": 0.2, "width": 256}, 0)
    optimizer = torch.optim.Adam(instance.parameters, lr=0.006)
    train_loss, test_loss = [], []
    for step in range(1, 881):
        optimizer.zero_grad()
        loss = instance.loss(step)
        loss.backward()
        optimizer.step()
        train_loss.append(loss.item())
        if step % 110 == 0:
            test_loss.append(instance.test()["test_loss"])
    assert np.mean(train_loss[-22:]) < 0.5 * np.mean(train_loss[200:222])
    assert test_loss[-1] > 1.15 * min(test_loss)
