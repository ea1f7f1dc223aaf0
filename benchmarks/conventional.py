"""The loop that people write first: a DataLoader with two workers, Pillow, torchvision.

Images are decoded and brought to size each time they are drawn, augmented one by one on the
processor, trained on in 32 bits and in torch's default memory format. Network, batch size, losses,
optimiser and what augmentation does are Fewmask's.
"""

from collections.abc import Iterator
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from benchmarks.bare import Step
from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.networks.normalisation import IMAGENET

WORKERS = 2


class ImageFiles(Dataset):
    """Images and masks of Oxford-IIIT Pet, decoded when they are requested."""

    def __init__(self, root: Path, names: list[str], size: int, settings: Augmentation) -> None:
        self.root, self.names, self.size = root, names, size
        self.change = v2.Compose(
            [
                v2.RandomHorizontalFlip(settings.flip),
                v2.RandomAffine(
                    settings.rotate,
                    scale=settings.scale,
                    interpolation=v2.InterpolationMode.BILINEAR,
                    fill={tv_tensors.Image: 0, tv_tensors.Mask: IGNORE},
                ),
                v2.ColorJitter(settings.brightness, settings.contrast, settings.saturation),
                v2.Normalize(*IMAGENET),
            ]
        )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """The image, float32 (3, H, W) in [0, 1], and its mask, int64 (H, W)."""
        frame = (self.size, self.size)
        image = Image.open(self.root / "images" / f"{self.names[index]}.jpg").convert("RGB")
        mask = Image.open(self.root / "annotations/trimaps" / f"{self.names[index]}.png")
        image, mask = image.resize(frame), mask.resize(frame, Image.Resampling.NEAREST)
        image, mask = self.change(
            tv_tensors.Image(v2.functional.pil_to_tensor(image).float() / 255),
            tv_tensors.Mask(v2.functional.pil_to_tensor(mask)),
        )
        mask = mask[0].long()
        return image.as_subclass(Tensor), torch.where(mask == IGNORE, mask, mask - 1)


def conventional(encoder: str, files: ImageFiles, batch_size: int, device: torch.device) -> Step:
    """A step of the conventional loop, with a U-Net of segmentation_models_pytorch."""
    network = smp.Unet(encoder, encoder_weights=None, classes=3).to(device)
    optimiser = torch.optim.AdamW(network.parameters())
    batches = _endless(DataLoader(files, batch_size, True, num_workers=WORKERS, drop_last=True))

    def step() -> float:
        image, mask = (one.to(device) for one in next(batches))
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(image), mask, ignore_index=IGNORE)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def _endless(loader: DataLoader) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader
