"""Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for
benchmarking machine learning algorithms", arXiv:1708.07747, 2017."""

from lrd_core.data.data_set import ImageSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import idx, parquet

DATA_SET = ImageSet(
    name="fashion-mnist",
    label="Fashion-MNIST",
    about="70,000 pictures of clothes in ten classes, grey, 28×28 pixels.",
    size=36_106_894,
    licence="MIT",
    hub=Hub("zalando-datasets/fashion_mnist", "fashion_mnist", parquet.HUB_IMAGES),
    formats=(idx.FORMAT, parquet.IMAGES),
    shape=(1, 28, 28),
    train_counts=(6000,) * 10,
    test_counts=(1000,) * 10,
    mean=(0.2860,),
    std=(0.3530,),
    words=(
        *("T-shirt", "trousers", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
)
