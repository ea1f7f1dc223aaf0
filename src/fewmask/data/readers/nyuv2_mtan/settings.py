"""Settings of the reader of MTAN's NYUv2."""

from typing import ClassVar, Literal

from pydantic import field_validator

from fewmask.config.reader import ReaderSettings

Axis = Literal["x", "-x", "y", "-y", "z", "-z"]


class Nyuv2MtanSettings(ReaderSettings):
    """NYUv2 as MTAN (Liu, Johns and Davison, 2019) gives it: arrays of 288 x 384 pixels."""

    name: Literal["nyuv2_mtan"]
    normal_axes: tuple[Axis, Axis, Axis] = ("x", "y", "z")
    """Which axes of the normals in the files point right, down and away from the camera. If
    they are right, floors are green and what faces the camera blue in ``fewmask inspect``."""

    measures: ClassVar[tuple[str, ...]] = ("depth", "normal")

    @field_validator("normal_axes")
    @classmethod
    def _are_three(cls, axes: tuple[Axis, Axis, Axis]) -> tuple[Axis, Axis, Axis]:
        if {axis[-1] for axis in axes} != {*"xyz"}:
            raise ValueError("must name x, y and z once each, with or without a minus")
        return axes
