"""MNIST: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86, 1998."""

from lrd_core.data.data_set import ImageSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import idx, parquet

DATA_SET = ImageSet(
    name="mnist",
    label="MNIST",
    about="70,000 handwritten digits, grey, 28×28 pixels.",
    size=18_157_506,
    licence="CC BY-SA 3.0",
    hub=Hub("ylecun/mnist", "mnist", parquet.HUB_IMAGES),
    formats=(idx.FORMAT, parquet.IMAGES),
    shape=(1, 28, 28),
    train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    mean=(0.1307,),
    std=(0.3081,),
)
