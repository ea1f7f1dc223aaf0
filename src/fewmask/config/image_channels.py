"""Settings of the channels of a dataset's images."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from fewmask.config.settings import Line, Settings

RGB = ("red", "green", "blue")

MOST = 1024


def _named(value: Any) -> Any:
    """A number as a name, for channels may be counted."""
    return str(value) if type(value) is int else value


Channel = Annotated[
    Line, Field(min_length=1), BeforeValidator(_named, json_schema_input_type=str | int)
]


def _is_default(value: object) -> bool:
    return value in ("rgb", None)


class ImageChannels(Settings):
    """What the channels of images are, how their values are scaled, and which of them are shown.

    Defaults are left out of what is written, so that datasets of colours are what they were before
    there were other channels.
    """

    channels: (
        Literal["rgb", "grey"]
        | Annotated[int, Field(ge=1, le=MOST)]
        | Annotated[list[Channel], Field(min_length=1, max_length=MOST)]
    ) = Field(default="rgb", exclude_if=_is_default)
    """``rgb``: images are brought to red, green and blue, of 8 bits each. Else values are stored as
    they are (8 or 16 bits, or 32-bit floats): ``grey``, the number of channels, or their names."""
    normalisation: Literal["encoder", "percentiles", "mean_std"] | None = Field(
        default=None, exclude_if=_is_default
    )
    """How values are scaled before the encoder's own normalisation: ``encoder``, the whole range of
    8 or 16 bits; ``percentiles`` 1 and 99, or ``mean_std``, of each channel in the training images.
    Absent: ``encoder`` for rgb, else ``percentiles``."""
    show: list[Channel] | None = Field(default=None, exclude_if=_is_default)
    """The channels that figures show as red, green and blue, or one as grey. Absent: the first
    three, or the first."""

    @property
    def is_rgb(self) -> bool:
        """Whether the channels are red, green and blue, in 8 bits."""
        return self.channels == "rgb"

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels by name, or by number from 1 on."""
        if isinstance(self.channels, int):
            return tuple(str(i + 1) for i in range(self.channels))
        if isinstance(self.channels, str):
            return RGB if self.is_rgb else ("grey",)
        return tuple(self.channels)

    @property
    def channel_count(self) -> int:
        """How many channels there are."""
        return len(self.channel_names)

    @property
    def stored_channels(self) -> int | None:
        """How many channels are read from files as they are; None: files are brought to rgb."""
        return None if self.is_rgb else self.channel_count

    @property
    def scales_by(self) -> str:
        """The normalisation, where it is absent the usual one."""
        return self.normalisation or ("encoder" if self.is_rgb else "percentiles")

    @property
    def shown_channels(self) -> list[int]:
        """The places of the three channels that are shown as red, green and blue."""
        names = self.channel_names
        shown = self.show or (names[:3] if len(names) >= 3 else names[:1])
        places = [names.index(name) for name in shown]
        return places if len(places) == 3 else 3 * places

    @model_validator(mode="after")
    def _shows_what_there_is(self) -> "ImageChannels":
        names = self.channel_names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"channels: two have the name {twice[0]}")
        if self.show is None:
            return self
        if len(self.show) not in (1, 3):
            raise ValueError(
                f"show: found {len(self.show)} channels\n"
                f"  expected: three, as red, green and blue, or one, as grey"
            )
        if unknown := [name for name in self.show if name not in names]:
            raise ValueError(
                f"show names {unknown[0]}, which is no channel\n"
                f"  expected: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
            )
        return self
