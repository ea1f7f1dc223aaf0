"""Children that are forked from a process whose threads have worked can work, too."""

import torch

from tests import processes


def test_a_child_computes_with_several_threads_after_its_parent():
    layer = torch.nn.Conv2d(16, 64, 3)

    def work() -> None:
        layer(torch.rand(8, 16, 64, 64)).sum().backward()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        work()
        child = processes.start(work)
        child.join(60)
        child.kill()
        assert child.exitcode == 0
        work()
    finally:
        torch.set_num_threads(before)
