"""Settings of several tasks learnt from one encoder."""

from functools import reduce
from operator import or_
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from fewmask.config.choices import or_name
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.task import TaskSettings, load, names

ANY_TASK = reduce(or_, (load(name).settings for name in names()))
TaskChoice = or_name(Annotated[ANY_TASK, Field(discriminator="name")])
"""A task's settings, told apart by ``name``; or its name alone."""


class MultiTaskSettings(ObjectiveSettings):
    """Learn masks, depths and surface normals by a decoder each (Khamesra et al.).

    An image counts for the tasks that it has truth for: masks are those of the labelled images,
    depths and normals those of all that are drawn, where they are known.
    """

    name: Literal["multi_task"]
    tasks: list[TaskChoice] = Field(
        default=["segmentation", "depth", "normal"], min_length=1, validate_default=True
    )
    """What is learnt, by name, or by name and settings (``{name: depth, loss: l2}``); with one, the
    single-task twin."""

    may_draw: ClassVar[tuple[str, ...]] = ("unlabelled", "all")

    @property
    def draws(self) -> tuple[str, ...]:
        """Labelled images, if only they have the truth of a task; that of others any image has."""
        return ("labelled",) if any(load(task).of_labelled_images for task in self.predicts) else ()

    @property
    def predicts(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(task.name for task in self.tasks)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The tasks."""
        return self.predicts

    def settings_of(self, task: str) -> TaskSettings:
        """Those that are given of it."""
        return next(one for one in self.tasks if one.name == task)

    @field_validator("tasks")
    @classmethod
    def _no_task_twice(cls, tasks: list[TaskSettings]) -> list[TaskSettings]:
        if len({one.name for one in tasks}) < len(tasks):
            raise ValueError("a task is named twice")
        return tasks
