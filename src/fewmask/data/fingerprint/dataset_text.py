"""The settings of a dataset as a text with comments."""

from typing import Any

import yaml

from fewmask.data.fingerprint import choices
from fewmask.data.fingerprint.fingerprint import Fingerprint


def dataset_text(found: Fingerprint, root: str) -> str:
    """The text of config/datasets/NAME.yaml."""
    heights, widths = found.sizes.T
    sizes = f"{heights.min()} to {heights.max()} x {widths.min()} to {widths.max()}"
    shape = {"size": choices.size(found)}
    why = "the median image, scaled to at most 512 pixels; sides are multiples of 32"
    if choices.needs_tiles(found):
        shape, why = {"tiles": choices.TILES}, "scaled down, images so large would lose detail"
    values = found.classes.mask_values
    split = {"test": choices.TEST, "masks": "budget"}
    split |= choices.kept_together(found)
    shares = ", ".join(f"{100 * share:.3g} %" for share in found.classes.shares)
    lines = [
        "# yaml-language-server: $schema=../schemas/dataset.schema.json",
        f"# {len(found.items):,} {found.unit}, {found.masks:,} with masks; "
        f"{sizes} (height x width);",
        f"# of {found.kinds.total():,} that were opened: "
        + ", ".join(f"{n:,} {kind}" for kind, n in found.kinds.items()),
        *_about_slices(found),
        _line({"reader": found.reader}),
        _line({"root": root}),
        *_about_channels(found),
        f"# Shares of pixels: {shares}; give the classes their names."
        if shares
        else "# Where shapes overlap, the later class counts; outside all shapes, the first.",
        _line({"classes": found.classes.classes}),
        *([_line({"mask_values": values})] if values else []),
        f"# {why}",
        _line(shape),
        "# A fraction such as n20 counts all masks that are drawn; a quarter is for validation.",
        *(_about_groups(found)),
        _line({"split": split}),
    ]
    return "\n".join(lines) + "\n"


def _about_slices(found: Fingerprint) -> list[str]:
    if not found.are_slices:
        return []
    lines = [
        "# Slices across the direction in which voxels are longest (axial, if they are cubes)."
    ]
    if "window" in found.reader:
        lines += [
            "# Values look like Hounsfield units (CT). The window is for organs; for lungs take",
            "# [-1000, 400], for bones [-500, 1300].",
        ]
    return lines


def _about_channels(found: Fingerprint) -> list[str]:
    if found.channels is None:
        return []
    lines = [
        "# Stored as they are, and scaled by percentiles 1 and 99 of the training images (or by",
        "# their mean and standard deviation: mean_std).",
    ]
    if found.channels == 1:
        return [*lines, "channels: grey", "normalisation: percentiles"]
    return [
        *lines,
        "# Give the channels their names, [blue, green, ...], and say which three of them figures",
        "# show (show: [nir, red, green]).",
        _line({"channels": found.channels}),
        "normalisation: percentiles",
    ]


def _about_groups(found: Fingerprint) -> list[str]:
    if not found.groups:
        return ["# If images belong together (patients, plots), say so: groups: '(...)_'."]
    kind, count = "volumes" if found.are_slices else "groups", len(found.groups.sizes)
    if "blocks" in choices.kept_together(found):
        return [
            f"# Names suggest {count:,} {kind}, too few to keep each whole; so neighbours have one",
            "# role. Of more, test on others than those that are learnt: groups.",
        ]
    if found.are_slices:
        return [
            f"# Each of the {count:,} volumes is kept whole. If several are of one patient, name",
            "# the patient instead: groups: '(patient\\d+)_'.",
        ]
    return [
        f"# Names suggest {count:,} groups, each of which is kept whole. If the images of one are",
        "# not alike, leave groups out.",
    ]


def _line(values: dict[str, Any]) -> str:
    """A key and its value on one line; long ones continue on the next."""
    ((key, value),) = values.items()
    options = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": 90}
    text = yaml.safe_dump([value], **options)
    return f"{key}: {text.strip()[1:-1]}"
