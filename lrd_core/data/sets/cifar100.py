"""CIFAR-100: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009."""

from lrd_core.data.data_set import ImageSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import parquet

DATA_SET = ImageSet(
    name="cifar100",
    label="CIFAR-100",
    about="60,000 colour photos in a hundred classes, 32×32 pixels.",
    size=142_291_368,
    licence="none stated; free for research",
    hub=Hub("uoft-cs/cifar100", "cifar100", parquet.HUB_IMAGES),
    formats=(parquet.IMAGES,),
    shape=(3, 32, 32),
    train_counts=(500,) * 100,
    test_counts=(100,) * 100,
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    label_column="fine_label",
)
