"""ClassMix (Olsson, Tranheden, Pinto and Svensson 2021)."""

from torch import Tensor

from fewmask import IGNORE
from fewmask.data.augmentation.mixing import Paste, half_of_classes
from fewmask.data.batches import Batch
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import pasted, recoloured
from fewmask.objectives.consistency.target import Target, target_cross_entropy


class ClassMix(Consistency):
    """Pseudo-labels on images that are cut along the borders of predicted classes.

    Of the classes that the teacher t predicts in an image half, rounded down, are drawn; the image
    keeps their pixels, and all others become those of its partner. An image of one class is wholly
    its partner. With x the labelled images, m the mixed ones, and y the mixed predictions:

    - ``cross_entropy`` of f(x) against the masks,
    - ``consistency``: q times the mean of CE(f(C m), y) over the pixels inside the images,

    where C changes colours, and q is the share of pixels of m whose prediction reaches the
    threshold. In the authors' code q and the mean count padding too, one draw of C serves the whole
    batch, and the teacher is in training mode, for its batch-norms are not averaged; here they are,
    and it is in evaluation mode.
    """

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        logits = self.taught(weak)
        target = Target.of(logits, weak.inside)
        predicted = target.classes.masked_fill(~target.valid, IGNORE)
        paste = Paste(~half_of_classes(predicted, logits.shape[1]))
        view = recoloured(pasted(weak, paste), self.options.colours)
        of_labelled, of_view = self.scores(labelled, view)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": target_cross_entropy(
                of_view, target.moved(paste), self.options.confidence
            ),
        }


build = ClassMix
