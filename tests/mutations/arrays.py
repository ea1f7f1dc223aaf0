"""Mutations of files of arrays, whole by their formats' own rules: HDF5 and safetensors."""

import copy
import io
import json
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.mutations.trees import VALUES, change_tree

HEADER = 8
"""Bytes of a safetensors file that tell the length of its header."""


def change_hdf5(data: bytes, random: Random) -> bytes:
    """One dataset or attribute of an HDF5 file removed, renamed, retyped, resized or changed."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        if random.random() < 0.3 and len(file.attrs):
            _change_attribute(file.attrs, random)
        else:
            _change_dataset(file, random)
    return buffer.getvalue()


def _change_attribute(attributes: h5py.AttributeManager, random: Random) -> None:
    name = random.choice(sorted(attributes))
    value = attributes[name]
    kind = random.choice(["remove", "rename", "value", "json", "cut"])
    if kind == "remove":
        del attributes[name]
    elif kind == "rename":
        del attributes[name]
        attributes[f"{name}s"] = value
    elif kind == "json" and isinstance(value, str) and value[:1] in "[{":
        attributes[name] = json.dumps(change_tree(json.loads(value), random))
    elif kind == "cut":
        attributes[name] = value[:-1] if np.ndim(value) or isinstance(value, str) else 0
    else:
        scalars = [
            one for one in VALUES if isinstance(one, int | float | str) and "\0" not in str(one)
        ]
        attributes[name] = random.choice([*scalars, [1, 2], np.zeros((2, 2)), h5py.Empty("f")])


def _change_dataset(file: h5py.File, random: Random) -> None:
    name = random.choice(sorted(file))
    values = file[name][()]
    kind = random.choice(["remove", "rename", "values", "shape", "type", "scalar", "group"])
    del file[name]
    if kind == "rename":
        file[f"{name}s"] = values
    elif kind == "values":
        file[name] = _other_values(values, random)
    elif kind == "shape":
        file[name] = random.choice([values[:-1], values[None], values[:0], values[..., None]])
    elif kind == "type":
        types = [np.float32, np.int64, np.uint8, bool, "S8"]
        file[name] = np.ones(values.shape, random.choice(types))
    elif kind == "scalar":
        file[name] = random.choice([1, 0.5, "x", h5py.Empty("f")])
    elif kind == "group":
        file.create_group(name)


def _other_values(values: np.ndarray, random: Random) -> np.ndarray:
    changed = values.reshape(-1).copy()
    if changed.dtype == object:
        new = random.choice([b"", b"x", b"\xff\xfe", changed[-1], b"a\nb", "é".encode()])
    elif changed.dtype.kind == "f":
        new = random.choice([np.nan, np.inf, -1.0, 1e30])
    else:
        limits = np.iinfo(changed.dtype)
        new = random.choice([limits.min, limits.max, 1, changed[random.randrange(len(changed))]])
    changed[random.randrange(len(changed))] = new
    return changed.reshape(values.shape)


def change_safetensors(data: bytes, random: Random) -> bytes:
    """The header or the numbers of a safetensors file changed; offsets may not fit any more.

    The file as it is where this changes nothing but the spaces in the header.
    """
    length = int.from_bytes(data[:HEADER], "little")
    original = json.loads(data[HEADER : HEADER + length])
    header = copy.deepcopy(original)
    body = bytearray(data[HEADER + length :])
    kind = random.choice(["header", "drop", "rename", "metadata", "numbers", "length"])
    names = [name for name in header if name != "__metadata__"]
    name = random.choice(names)
    if kind == "header":
        header[name] = change_tree(header[name], random)
    elif kind == "drop":
        del header[name]
    elif kind == "rename":
        other = random.choice(names)
        header[name], header[other] = header[other], header[name]
    elif kind == "metadata":
        header["__metadata__"] = _other_metadata(header["__metadata__"], random)
    elif kind == "numbers":
        _change_numbers(body, *header[name]["data_offsets"], random)
    if kind != "length" and _tensors(header, body) == _tensors(original, data[-len(body) :]):
        return data
    written = json.dumps(header).encode()
    length = random.choice([0, 1, 2**40, len(written) - 1]) if kind == "length" else len(written)
    return length.to_bytes(HEADER, "little") + written + bytes(body)


def _tensors(header: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What a file holds by name: where its numbers lie does not matter."""
    found: dict[str, Any] = {}
    for name, entry in header.items():
        try:
            start, stop = entry["data_offsets"]
            found[name] = entry["dtype"], entry["shape"], bytes(body[start:stop])
        except (KeyError, TypeError, ValueError):
            found[name] = entry
    return found


def _other_metadata(metadata: dict[str, str], random: Random) -> Any:
    """The metadata, one entry of which holds another JSON."""
    key = random.choice(sorted(metadata))
    try:
        new = json.dumps(change_tree(_unpacked(metadata[key]), random))
    except ValueError:
        new = ""
    texts = [new, new, new, "", "{}", "[]", "null", "not JSON", metadata[key][:-1]]
    return metadata | {key: random.choice(texts)}


def _unpacked(text: str) -> Any:
    return json.loads(text)


def _change_numbers(body: bytearray, start: int, stop: int, random: Random) -> None:
    if stop - start < 4:
        return
    at = random.randrange(start, stop - 3)
    at -= (at - start) % 4
    special = [np.nan, np.inf, -np.inf, 1e30, 0.0, 1.0]
    body[at : at + 4] = np.float32(random.choice(special)).tobytes()
