"""Batch-norm with statistics over the images of all processes."""

from torch import Tensor, nn

from fewmask.core import parallel


def share_norms(module: nn.Module, on_gpu: bool) -> nn.Module:
    """Make the batch-norms of a module compute their statistics over all processes."""
    if parallel.count() == 1:
        return module
    if on_gpu:
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for one in module.modules():
        if type(one) is nn.BatchNorm2d:
            one.__class__ = SharedBatchNorm  # its parameters and buffers stay the same
    return module


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch-norm over all processes on processors, for which torch has none."""

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, C, H, W) -> the same; every process has the same number of images."""
        if not self.training:
            return super().forward(maps)
        values = maps.numel() // maps.shape[1] * parallel.count()
        wide = maps.to(self.weight.dtype)
        mean = parallel.total(wide.sum((0, 2, 3))) / values
        centred = wide - mean[:, None, None]
        variance = parallel.total(centred.square().sum((0, 2, 3))) / values
        self._remember(mean.detach(), variance.detach() * values / (values - 1))
        scaled = centred * (variance + self.eps).rsqrt()[:, None, None]
        return (scaled * self.weight[:, None, None] + self.bias[:, None, None]).to(maps.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
