"""What the commands of fewmask import when they run, for processes whose forks are commands."""

import fewmask.data.inspection.dataset
import fewmask.data.inspection.pseudo_masks
import fewmask.data.preparation.prepare
import fewmask.data.splits.job
import fewmask.inference.evaluate
import fewmask.inference.predict
import fewmask.inference.pseudo_label
import fewmask.monitor.plan
import fewmask.monitor.status
import fewmask.report.summarise
import fewmask.training.job  # noqa: F401
