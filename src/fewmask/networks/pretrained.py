"""ImageNet weights of encoders, fetched where there is internet."""

import shutil
from pathlib import Path

from huggingface_hub import hf_hub_download
from segmentation_models_pytorch.encoders import encoders

from fewmask.config.encoders import ENCODERS
from fewmask.config.explain import did_you_mean
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole


def fetch_encoder(name: str, output: Path) -> None:
    """Fetch the ImageNet weights of an encoder as a safetensors file.

    Raises FewmaskError for an unknown encoder, and if the download fails, with a command to fetch
    the file elsewhere.
    """
    if name not in ENCODERS:
        raise FewmaskError(f"no encoder {name}{did_you_mean(name, ENCODERS)}")
    source = encoders[name]["pretrained_settings"]["imagenet"]
    repository, revision = source["repo_id"], source["revision"]
    try:
        fetched = hf_hub_download(repository, "model.safetensors", revision=revision)
    except Exception as error:  # the hub's client raises errors of its own, of httpx, and OSError
        reason = str(error).strip().split("\n")[0]
        raise FewmaskError(
            f"cannot fetch the ImageNet weights of {name}: {reason}\n"
            f"  On a machine with internet run\n"
            f"    curl -L -o {output.name} "
            f"https://huggingface.co/{repository}/resolve/{revision}/model.safetensors\n"
            f"  and put the file at {output}, or set network.weights to none"
        ) from None
    with written_whole(output) as path:
        shutil.copyfile(fetched, path)
