"""NYUv2 from rendered rooms, in exactly the two formats in which it is given."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from fewmask.data.rendered.scenes import render


def write_mtan(root: Path, counts: dict[str, int], size: tuple[int, int] = (24, 32)) -> Path:
    """The arrays of MTAN: images, 13 classes and -1, depths, and normals."""
    for subset, count in counts.items():
        for i in range(count):
            room = render(subset == "val", i, *size)
            label = room.mask.astype(np.float32)
            label[0, :3] = -1, 12, 0
            arrays = {
                "image": room.image / 255,
                "label": label,
                "depth": room.depth[..., None],
                "normal": room.normal,
            }
            for name, values in arrays.items():
                path = root / subset / name / f"{i}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values)
    return root


def write_official(root: Path, count: int, size: tuple[int, int] = (24, 32)) -> Path:
    """The official file: HDF5 as Matlab writes it, with its header before it, all transposed."""
    rooms = [render(0, i, *size) for i in range(count)]
    root.mkdir(parents=True, exist_ok=True)
    raw = np.stack([room.depth.T for room in rooms])
    raw[:, 0, 0] = 0
    labels = np.stack([room.mask.T.astype(np.uint16) for room in rooms])
    labels[:, 0, 0] = 894
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        file["images"] = np.stack([room.image.transpose(2, 1, 0) for room in rooms])
        file["depths"] = np.stack([room.depth.T for room in rooms])
        file["rawDepths"] = raw
        file["labels"] = labels
    numbers = np.arange(1, count + 1, dtype=np.uint16)[:, None]
    savemat(root / "splits.mat", {"trainNdxs": numbers[::2], "testNdxs": numbers[1::2]})
    return root
