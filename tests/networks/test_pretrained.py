"""Fetching ImageNet weights, from a hub on this machine."""

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
import torch
from safetensors.torch import load_file, save_file


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


def test_what_cannot_be_fetched_is_told_with_how_to_get_it(hub: Hub, tmp_path: Path):
    output = tmp_path / "resnet34.safetensors"
    answer = fetch(hub, "resnet34", output, tmp_path / "home")
    assert answer.returncode == 1
    assert "error: cannot fetch the ImageNet weights of resnet34" in answer.stderr
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
