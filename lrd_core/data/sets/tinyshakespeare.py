"""Tiny Shakespeare: 40,000 lines of his plays; A. Karpathy, "The unreasonable effectiveness of
recurrent neural networks", 2015."""

from lrd_core.data.data_set import TextSet
from lrd_core.data.places import Hub
from lrd_core.data.readers import parquet, plain

DATA_SET = TextSet(
    name="tinyshakespeare",
    label="Tiny Shakespeare",
    about="1,115,394 characters of Shakespeare's plays, 65 different ones.",
    size=706_067,
    licence="public domain",
    hub=Hub(
        "karpathy/tiny_shakespeare",
        "data",
        {split: f"{split}-00000-of-00001.parquet" for split in parquet.TEXT.parts},
        # Its main branch still has a loading script, which nobody should run.
        revision="6fa1fd1127e424cd6f68d48df00814d5b1b034c4",
    ),
    formats=(plain.FORMAT, parquet.TEXT),
    characters=1_115_394,
    symbols=65,
    train_characters=1_003_854,
)
