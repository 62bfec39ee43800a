"""Batches of tasks: a function of (seed, step), every example once an epoch, nothing hidden."""

import pytest
import torch

from lrd_core.data.augment import crop_and_flip, draws
from lrd_core.problems.tasks.exam import Exam
from lrd_core.problems.tasks.images import ImageBatches, held_out
from lrd_core.problems.tasks.shakespeare import Passages, cross_entropy
from lrd_core.problems.tasks.shuffled import Shuffled
from lrd_core.settings import SettingError

COUNT, BATCH = 50, 8
IMAGES = torch.randint(
    256, (COUNT, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
LABELS = torch.arange(COUNT)
TEXT = torch.randint(30, (500,), generator=torch.Generator().manual_seed(0))


def shuffled(seed):
    return Shuffled(IMAGES.flatten(1).float(), LABELS, seed, BATCH)


def pictures(seed, augmented=True):
    return ImageBatches(IMAGES, LABELS, seed, BATCH, torch.Tensor.float, augmented, 5, "toy")


def passages(seed):
    return Passages(TEXT, seed, 4, 16)


@pytest.mark.parametrize("make", [shuffled, pictures, passages])
def test_a_batch_is_a_function_of_seed_and_step(make):
    ahead, behind, other = make(1), make(1), make(2)
    steps = [1, 6, 7, 13, 2, 30, 1]
    seen = {step: [part.clone() for part in ahead.batch(step)] for step in steps}
    for step in sorted(seen):
        assert all(map(torch.equal, behind.batch(step), seen[step]))
    assert not torch.equal(other.batch(1)[0], seen[1][0])
    assert ahead.key == behind.key != other.key


@pytest.mark.parametrize("make", [shuffled, pictures])
def test_an_epoch_shows_no_example_twice_and_leaves_out_what_fills_no_batch(make):
    batches = make(0)
    left_out = set()
    for epoch in range(4):
        labels = [batches.batch(6 * epoch + k)[1] for k in range(1, 7)]
        seen = torch.cat(labels).tolist()
        assert len(set(seen)) == len(seen) == 48
        left_out |= set(LABELS.tolist()) - set(seen)
    assert len(left_out) > 2


def test_images_keep_their_labels():
    for batches in (shuffled(0), pictures(0, augmented=False)):
        images, labels = batches.batch(3)
        assert torch.equal(images.flatten(1), IMAGES[labels].flatten(1).float())


def test_images_are_moved_by_the_draws_of_their_epoch():
    batches = pictures(0)
    for step in (1, 9):
        images, labels = batches.batch(step)
        epoch, place = divmod(step - 1, 6)
        drawn = draws(0, epoch, COUNT, torch.device("cpu"))[place * BATCH : (place + 1) * BATCH]
        assert torch.equal(images, crop_and_flip(IMAGES[labels], drawn).float())
        assert not torch.equal(images, IMAGES[labels].float())


def test_the_fixed_batch_is_the_first_images_as_they_are():
    images, labels = pictures(3).fixed()
    assert torch.equal(images, IMAGES[:5].float())
    assert labels.tolist() == [0, 1, 2, 3, 4]


def test_batches_ahead_are_those_of_their_steps_within_the_epoch():
    batches = shuffled(0)
    for step, most, count in ((1, 4, 4), (3, 100, 4), (8, 2, 2), (12, 3, 1)):
        inputs, targets = batches.ahead(step, most)
        assert len(inputs) == len(targets) == count
        for k in range(count):
            x, y = batches.batch(step + k)
            assert torch.equal(inputs[k], x)
            assert torch.equal(targets[k], y)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Passages(TEXT, 0, 31, 16),
        lambda: ImageBatches(IMAGES, LABELS, 0, 51, torch.Tensor.float, False, 5, "toy"),
    ],
)
def test_a_batch_larger_than_the_data_is_refused_when_built(make):
    with pytest.raises(SettingError) as caught:
        make()
    assert caught.value.field == "settings.batch"


def test_a_passage_is_followed_by_its_targets():
    inputs, targets = passages(0).batch(5)
    assert inputs.shape == targets.shape == (4, 16)
    text = TEXT.tolist()
    for before, after in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert before[1:] == after[:-1]
        whole = [*before, after[-1]]
        assert any(text[k : k + 17] == whole for k in range(500))


def test_an_epochs_passages_lie_end_to_end_from_a_place_of_its_own():
    numbered = Passages(torch.arange(500), 0, 5, 16)  # 30 passages of 31 that fit
    firsts = set()
    for epoch in range(5):
        starts = [numbered.batch(6 * epoch + k)[0][:, 0] for k in range(1, 7)]
        starts = torch.cat(starts).sort().values
        assert (starts.diff() == 16).all()
        assert 0 <= starts[0] < 16
        firsts.add(starts[0].item())
    assert len(firsts) > 2


def test_a_passages_loss_is_the_mean_over_its_characters():
    logits = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([[0, 1, 2, 3, 4], [6, 5, 4, 3, 2], [1, 1, 1, 1, 1]])
    losses = cross_entropy(logits, codes)
    for k in range(3):
        logs = logits[k].log_softmax(-1)
        expected = -sum(logs[t, codes[k, t]] for t in range(5)) / 5
        torch.testing.assert_close(losses[k], expected)


def test_held_out_examples_are_the_same_for_fewer_and_more():
    few, many = held_out(1000, 30), held_out(1000, 200)
    assert torch.equal(many[:30], few)
    assert len(set(many.tolist())) == 200
    assert sorted(held_out(1000, 1000).tolist()) == list(range(1000))


def test_testing_in_parts_measures_the_whole():
    """Against means over all examples, per character where there are several."""
    weights = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    inputs = torch.randn(10, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(10) % 3

    class Linear:
        parameters = (weights,)

        def __call__(self, x, train):
            assert not train
            return x @ weights

    model = Linear()

    logs = (inputs @ weights).log_softmax(1)
    loss = -logs[range(10), labels].mean().item()
    accuracy = (logs.argmax(1) == labels).sum().item() / 10
    for at_once in (10, 3, 1):
        measured = Exam(inputs, labels, at_once=at_once).later(model)()
        assert measured["test_loss"] == pytest.approx(loss, rel=1e-5)
        assert measured["test_accuracy"] == pytest.approx(accuracy)
    folded = inputs.view(5, 2, 4), labels.view(5, 2)
    measured = Exam(*folded, at_once=2, criterion=cross_entropy).later(model)()
    assert measured["test_loss"] == pytest.approx(loss, rel=1e-5)
    assert measured["test_accuracy"] == pytest.approx(accuracy)
