"""Cross-entropy of several MLPs and its gradients, written out.

Activations are (copies, units, batch): every product is then one batched product of matrices, no
tensor is copied, and results go to memory that is there. On small networks that takes half of
autograd's time, of a single copy too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

_step_back = torch.ops.aten.threshold_backward.grad_input


class MlpGradients:
    """Losses and gradients of MLPs whose parameters and gradients stay where they are.

    Args:
        parameters: as `Mlp.parameters`, each with a leading dimension (copies,).
        gradients: of the same shapes; are written.
        batch: examples a step.
    """

    def __init__(
        self, parameters: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor], batch: int
    ) -> None:
        copies = parameters[0].shape[0]
        self._copies, self._batch = copies, batch
        parameters = [p.detach() for p in parameters]
        self._weights, weight_gradients = parameters[::2], gradients[::2]
        self._biases = [bias.unsqueeze(2) for bias in parameters[1::2]]
        self._gradients = list(zip(weight_gradients, gradients[1::2], strict=True))
        self._turned = [weight.transpose(1, 2) for weight in self._weights]

        def new(units: int) -> torch.Tensor:
            return parameters[0].new_empty(copies, units, batch)

        units = [weight.shape[1] for weight in self._weights]
        self._outputs = [new(n) for n in units]
        self._outputs_turned = [h.transpose(1, 2) for h in self._outputs]
        self._slopes = [new(n) for n in units]
        self._logs = new(units[-1])
        self._minus = parameters[0].new_full((1, 1, 1), -1.0).expand(copies, 1, batch)

    @torch.no_grad()
    def __call__(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean losses (nats), (copies,); gradients are those of each copy's own.

        Args:
            inputs: (batch, inputs) for all copies, or (copies, batch, inputs); float32.
            targets: (batch,) or (copies, batch), int64.
        """
        shape = self._copies, self._batch, inputs.shape[-1]
        x = inputs.expand(shape)
        labels = targets.unsqueeze(-2).expand(self._copies, 1, self._batch)
        above = x.transpose(1, 2)
        last = len(self._weights) - 1
        for k, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            h = torch.baddbmm(bias, weight, above, out=self._outputs[k])
            above = h.relu_() if k < last else h
        torch._log_softmax(above, 1, False, out=self._logs)
        losses = self._logs.gather(1, labels).mean((1, 2)).neg_()
        # Slope of the mean loss by the logits: (softmax − one-hot) / batch.
        slope = torch.exp(self._logs, out=self._slopes[last])
        slope.scatter_add_(1, labels, self._minus).mul_(1.0 / self._batch)
        for k in range(last, -1, -1):
            weight_gradient, bias_gradient = self._gradients[k]
            torch.bmm(slope, self._outputs_turned[k - 1] if k else x, out=weight_gradient)
            torch.sum(slope, 2, out=bias_gradient)
            if k:
                slope = torch.bmm(self._turned[k], slope, out=self._slopes[k - 1])
                _step_back(slope, self._outputs[k - 1], 0, grad_input=slope)
        return losses
