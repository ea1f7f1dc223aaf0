"""Virtual adversarial training (Miyato et al. 2018; for segmentation French et al. 2020)."""

from dataclasses import replace

import torch
from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import recoloured
from fewmask.objectives.consistency.target import SoftTarget, target_squared_error


class VAT(Consistency):
    """The teacher's probabilities as soft targets, on images with adversarial noise.

    With x the labelled images, u the unlabelled ones, C a change of colours, f the student and t
    its teacher:

    - ``cross_entropy`` of f(x) against the masks,
    - ``consistency``: c times the mean of sum_k (softmax_k f(C u + r) - softmax_k t(u))^2 over the
      pixels inside the images, where c is the share of these of which the teacher is sure.

    r has the direction of the gradient of this squared error, summed over the pixels, but of
    t(C u + e) and with respect to e, at a small random e: one step of the power iteration. Its
    length is ``radius`` times half the norm of the differences between the pixels on both sides of
    each pixel, so that images with more contrast get more noise.

    The authors' e is so small that in 32 bits most of it is rounded away; here its size is
    ``probe``. The direction is always computed in 32 bits.
    """

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = SoftTarget.of(self.taught(weak), weak.inside)
        view = self._with_noise(recoloured(weak, self.options.colours), target)
        of_labelled, of_view = self.scores(labelled, view)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": target_squared_error(of_view, target, self.options.confidence),
        }

    def _with_noise(self, view: Batch, target: SoftTarget) -> Batch:
        """Images with the noise r."""
        probe = self.options.probe * torch.randn(view.image.shape)
        probe = probe.to(view.image.device, non_blocking=True)
        given = view.image, view.inside, probe, target.probabilities, target.valid
        with torch.autocast(view.image.device.type, enabled=False):
            gradient = self.predict(self._gradient, *given).float()
        length = self.options.radius * contrast(view.image)
        return replace(view, image=view.image + length * unit(gradient))

    @torch.enable_grad()
    def _gradient(
        self, image: Tensor, inside: Tensor, probe: Tensor, probabilities: Tensor, valid: Tensor
    ) -> Tensor:
        """The gradient of the squared error with respect to noise, at ``probe``."""
        one = self.network if self.teacher is None else self.teacher.network
        noise = probe.detach().requires_grad_()
        with evaluating(one):
            logits = one(image + noise, inside)["segmentation"]
        error = (logits.softmax(1) - probabilities).square().sum(1) * valid
        return torch.autograd.grad(error.sum(), noise)[0]


def unit(vectors: Tensor) -> Tensor:
    """Every image of (N, C, H, W) divided by its norm; zeros stay."""
    return vectors / _norms(vectors).clamp(min=1e-30)


def contrast(images: Tensor) -> Tensor:
    """Half the norm of the differences of every pixel's neighbours, above and below as well as left
    and right: float32 (N, 1, 1, 1), from (N, C, H, W). Beyond the border is the border's pixel."""
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate")
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    return 0.5 * (_norms(down).square() + _norms(across).square()).sqrt()


def _norms(vectors: Tensor) -> Tensor:
    return vectors.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


build = VAT
