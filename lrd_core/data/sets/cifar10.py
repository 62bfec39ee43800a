"""CIFAR-10: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009."""

from lrd_core.data.data_set import ImageSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import parquet

DATA_SET = ImageSet(
    name="cifar10",
    label="CIFAR-10",
    about="60,000 colour photos in ten classes, 32×32 pixels.",
    size=143_646_105,
    licence="none stated; free for research",
    hub=Hub("uoft-cs/cifar10", "plain_text", parquet.HUB_IMAGES),
    formats=(parquet.IMAGES,),
    shape=(3, 32, 32),
    train_counts=(5000,) * 10,
    test_counts=(1000,) * 10,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2023, 0.1994, 0.2010),
    words=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
)
