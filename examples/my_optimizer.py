"""An optimizer of one's own as one file: AdaBelief.

Train with it:      ``LRD_RULES=examples/my_optimizer.py lrd run --problem digits --run adabelief``
See its page:       ``lrd explain --rule examples/my_optimizer.py``
Use it in Python:   ``load_rule("examples/my_optimizer.py").optimizer(model.parameters(), {})``
"""

from lrd_core.optim.rules import Rule, ranges
from lrd_core.optim.rules.blocks import Number, ema, ema_of_square, power, sqrt


def update(
    p: Number,
    g: Number,
    step: Number,
    m: Number,
    s: Number,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
) -> tuple[Number, ...]:
    """Algorithm 2; s: mean square of what the mean m did not foresee. The decay is decoupled."""
    m = ema(m, g, beta1)
    s = ema_of_square(s, g - m, beta2) + eps
    m_hat = m / (1 - power(beta1, step))
    s_hat = s / (1 - power(beta2, step))
    return -lr * (m_hat / (sqrt(s_hat) + eps) + weight_decay * p), m, s


RULE = Rule(
    name="adabelief",
    label="AdaBelief",
    paper="Zhuang et al. 2020, AdaBelief optimizer: adapting stepsizes by the belief in observed "
    "gradients, arXiv:2010.07468",
    settings=(
        ranges.lr(0.001),
        ranges.beta("beta1", 0.9, "gradients"),
        ranges.beta("beta2", 0.999, "squared surprises"),
        ranges.eps(1e-16),
        ranges.decoupled_decay(0.0),
    ),
    state=("m", "s"),
    update=update,
)
