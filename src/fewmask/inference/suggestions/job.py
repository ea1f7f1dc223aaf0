"""The job that chooses the images of a fraction that networks suggest."""

from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.data.store.store import Store
from fewmask.inference.suggestions.choose import choose, write_table
from fewmask.inference.suggestions.committee import as_one
from fewmask.inference.suggestions.networks import Networks
from fewmask.inference.suggestions.pool import StoredPool
from fewmask.inference.trained import Trained


def choose_images(networks: Networks, count: int, output: Path, threads: int = 1) -> None:
    """Choose ``count`` of a dataset's unlabelled images, and write their table to ``output``.

    As in an experiment their hidden masks are then known, only images that have one are chosen.

    Raises FewmaskError: there are fewer, or weights do not go with dataset and splits.
    """
    trained = [Trained.load(path, threads, deterministic=True) for path in networks.weights]
    with Store(networks.dataset) as store:
        pool = StoredPool(store, networks.splits, trained, needs_free=True, only_masked=True)
        if len(pool.free) < count:
            raise FewmaskError(
                f"{store.path}: {count} images are requested; {len(pool.free)} with masks are "
                f"unlabelled to all networks\n  mend: a smaller count in suggestions"
            )
        write_table(output, choose(pool, as_one(trained), count), len(trained))
