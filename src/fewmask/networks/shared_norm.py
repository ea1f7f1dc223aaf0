"""Batch-norm with statistics over the images of all processes."""

from timm.layers import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fewmask.core import parallel
from fewmask.networks.frozen import Frozen


def share_norms(module: nn.Module, on_gpu: bool) -> nn.Module:
    """Make the batch-norms of a module compute their statistics over all processes.

    Those that are frozen compute none.
    """
    if parallel.count() > 1:
        _share_children(module, on_gpu)
    return module


def _share_children(module: nn.Module, on_gpu: bool) -> None:
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm) and not isinstance(child, Frozen):
            setattr(module, name, _shared(child, on_gpu))
        elif not isinstance(child, Frozen):
            _share_children(child, on_gpu)


def _shared(norm: _BatchNorm, on_gpu: bool) -> nn.Module:
    """A batch-norm over all processes with the same parameters and buffers."""
    if on_gpu:
        return convert_sync_batchnorm(norm)
    norm.__class__ = ON_PROCESSORS.get(type(norm), type(norm))
    return norm


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch-norm over all processes on processors, for which torch has none."""

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, C, H, W) -> the same; every process has the same number of images."""
        return _normalised(self, maps) if self.training else super().forward(maps)


class SharedBatchNormAct(BatchNormAct2d):
    """The same for timm's batch-norm, which an activation follows."""

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, C, H, W) -> the same; every process has the same number of images."""
        if not self.training:
            return super().forward(maps)
        return self.act(self.drop(_normalised(self, maps)))


ON_PROCESSORS = {nn.BatchNorm2d: SharedBatchNorm, BatchNormAct2d: SharedBatchNormAct}


def _normalised(norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    values = maps.numel() // maps.shape[1] * parallel.count()
    wide = maps.to(norm.weight.dtype)
    mean = parallel.total(wide.sum((0, 2, 3))) / values
    centred = wide - mean[:, None, None]
    variance = parallel.total(centred.square().sum((0, 2, 3))) / values
    _remember(norm, mean.detach(), variance.detach() * values / (values - 1))
    scaled = centred * (variance + norm.eps).rsqrt()[:, None, None]
    return (scaled * norm.weight[:, None, None] + norm.bias[:, None, None]).to(maps.dtype)


def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)
