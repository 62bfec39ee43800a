"""CIFAR-100: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009."""

from lrd_core.data.data_set import ImageSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import parquet

#: Classes in the order of their numbers.
WORDS = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse
mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper
snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television
tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

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
    words=tuple(word.replace("_", " ") for word in WORDS.split()),
)
