"""FixMatch for segmentation (Sohn et al. 2020; as the strong baseline of UniMatch, Yang et al.
2023, and of UniMatch V2, Yang et al. 2025)."""

from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import strong
from fewmask.objectives.consistency.target import Target, target_cross_entropy


class FixMatch(Consistency):
    """Pseudo-labels of weak views, learnt on strong views of the same pixels.

    With x the labelled images and u the unlabelled ones as the stage's augmentation leaves them
    (the weak view), f the student and t its teacher:

    - ``cross_entropy`` of f(x) against the masks,
    - ``consistency``: the sum over pixels of CE(f(S u), argmax t(u)) [max softmax t(u) >= tau],
      over the number of pixels inside the images,

    where S changes colours and then pastes boxes of other images, which bring the classes, the
    confidence and the padding of their pixels along. Classes of t(u) are found in evaluation mode;
    in the code of UniMatch those of the student are of training mode, but for the boxes.
    The weight of both losses there is 1/2 (with SGD this matters: its rates belong to it).
    A box there has any size and place until it lies inside, so that small ones are more frequent;
    here area and aspect are drawn first, then the place.
    """

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = Target.of(self.taught(weak), weak.inside)
        view, paste = strong(weak, self.options.colours, self.options.mixing)
        of_labelled, of_view = self.scores(labelled, view)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": target_cross_entropy(
                of_view, target.moved(paste), self.options.confidence
            ),
        }


build = FixMatch
