"""Mean teachers: the student predicts on perturbed images what its EMA predicts on plain ones
(Tarvainen and Valpola 2017; for segmentation French et al. 2020)."""

from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import recoloured
from fewmask.objectives.consistency.target import SoftTarget, target_squared_error
from fewmask.objectives.mean_teacher.perturbations import BY_NAME


class MeanTeacher(Consistency):
    """Masks, and the teacher's probabilities as soft targets.

    With x the labelled images, u the unlabelled ones, f the student, t its teacher, and P the
    perturbation:

    - ``cross_entropy`` of f(x) against the masks,
    - ``consistency``: the mean over the pixels inside the images of
      c sum_k (softmax_k f(P u) - P softmax_k t(u))^2,

    where c is the share of these pixels of which the teacher is sure. In the code of French et al.
    c and the mean count padding too, and u are all images, also those with masks; CutMix and ICT
    mix two batches of u into one, here an image is mixed with the one before it in its batch. The
    teacher is in evaluation mode, as theirs is in effect, whose batch-norms are frozen.
    """

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = SoftTarget.of(self.taught(weak), weak.inside)
        view = recoloured(weak, self.options.colours)
        if perturbation := self.options.perturbation:
            view, target = BY_NAME[perturbation.name](perturbation, view, target)
        of_labelled, of_view = self.scores(labelled, view)
        consistency = target_squared_error(of_view, target, self.options.confidence)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": consistency,
        }


build = MeanTeacher
