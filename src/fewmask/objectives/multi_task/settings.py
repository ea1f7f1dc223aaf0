"""Settings of several tasks learnt from one encoder."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.objective import ObjectiveSettings
from fewmask.config.task import TaskName, load, names


class MultiTaskSettings(ObjectiveSettings):
    """Learn masks, depths and surface normals by a decoder each (Khamesra et al.).

    An image counts for the tasks that it has truth for: masks are those of the labelled images,
    depths and normals those of all that are drawn, where they are known.
    """

    name: Literal["multi_task"]
    tasks: list[TaskName] = Field(default=["segmentation", "depth", "normal"], min_length=1)
    """What is learnt; with one, the single-task twin."""
    depth_loss: Literal["l1", "l2"] = "l1"
    """The error of depths: absolute (the NYUv2 benchmark's), or squared."""
    normal_codes: int | None = Field(default=None, gt=3, le=255)
    """Learn normals as a choice among so many directions, by cross-entropy (Khamesra et al.,
    II.A.1; it does not say how many); absent: as vectors, by one minus the cosine (the NYUv2
    benchmark's)."""

    may_draw: ClassVar[tuple[str, ...]] = ("unlabelled", "all")

    @property
    def draws(self) -> tuple[str, ...]:
        """Labelled images, if only they have the truth of a task; that of others any image has."""
        return ("labelled",) if any(load(task).of_labelled_images for task in self.tasks) else ()

    @property
    def predicts(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(self.tasks)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(self.tasks)

    @property
    def heads(self) -> dict[str, int]:
        """The tasks that need a decoder and a head beside the network's own."""
        channels = {task: load(task).head_channels(self) for task in self.tasks}
        return {task: count for task, count in channels.items() if count}

    @field_validator("tasks")
    @classmethod
    def _no_task_twice(cls, tasks: list[TaskName]) -> list[TaskName]:
        if len(set(tasks)) < len(tasks):
            raise ValueError("a task is named twice")
        return tasks

    @model_validator(mode="after")
    def _losses_are_of_tasks(self) -> "MultiTaskSettings":
        for key, task in ((key, name) for name in names() for key in load(name).options):
            is_chosen = getattr(self, key) != type(self).model_fields[key].default
            if is_chosen and task not in self.tasks:
                raise ValueError(
                    f"{key} is {getattr(self, key)}, but {task} is none of the tasks "
                    f"({', '.join(self.tasks)}); leave {key} out"
                )
        return self
