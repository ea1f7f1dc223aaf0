"""A user's own images to choose from, beside the images of a dataset whose masks are known."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.core.progress import Bar
from fewmask.data.preparation.as_stored import ENDINGS_AS_STORED, OpenImage
from fewmask.data.preparation.image_files import ENDINGS, images_below
from fewmask.data.preparation.opening import large_images
from fewmask.data.preparation.tiling import Tiling
from fewmask.inference.file_batches import fitted, opened, read_whole, readable, tiles_of
from fewmask.inference.overview import Overview
from fewmask.inference.predict import by_tiles, whole
from fewmask.inference.suggestions.pool import BATCH_SIZE, VIEW, StoredPool, WithMask
from fewmask.inference.suggestions.scores import Part
from fewmask.inference.trained import Trained

Open = Callable[[Trained, Path], OpenImage]
"""What opens an image for a network."""


class FilePool:
    """The images in a folder and below it, all of which can be chosen; of a store, the images that
    are known. Images that cannot be read are named and left out."""

    def __init__(
        self, folder: Path, trained: Trained, shown: Bar, stored: StoredPool | None
    ) -> None:
        """Raises FewmaskError: there are no images, or two of the same name."""
        is_rgb = trained.description.trained_on.is_rgb
        self._files = images_below(folder, ENDINGS if is_rgb else ENDINGS_AS_STORED)
        names = [file.relative_to(folder).with_suffix("").as_posix() for file in self._files]
        if not names:
            raise FewmaskError(f"{folder}: found no images\n  mend: correct --images")
        name, count = Counter(names).most_common(1)[0]
        if count > 1:
            raise FewmaskError(
                f"{folder}: {count} images have the same name, {name}\n  mend: rename one"
            )
        self._trained, self._shown, self._stored = trained, shown, stored
        self.names = [*names, *(stored.names if stored else [])]
        self.free = np.arange(len(names))
        self.known = len(names) + (stored.known if stored else np.zeros(0, np.int64))

    def parts(self) -> Iterator[Part]:
        """All of them, in batches."""
        of_files = self._tiles() if self._trained.description.trained_on.tiles else self._whole()
        of_known = self._stored.parts_of(self._stored.known) if self._stored else ()
        moved = (Part(part.of + len(self._files), part.batch) for part in of_known)
        return chain(of_files, moved)

    def _whole(self) -> Iterator[Part]:
        settings = self._trained.description.trained_on
        images = readable(self._numbered(), partial(self._open, read_whole), self._say)
        while read := list(islice(images, BATCH_SIZE)):
            numbers, pixels = zip(*((number, image.read()) for number, image in read), strict=True)
            batch = fitted(self._trained, list(pixels), settings.height_width, settings.fit)
            yield Part(np.array(numbers), batch)

    def _tiles(self) -> Iterator[Part]:
        settings = self._trained.description.trained_on
        with large_images():
            for number, image in readable(self._numbered(), partial(self._open, opened), self._say):
                tiling = Tiling.of(image.size, settings.tiles)
                batch_of = tiles_of(self._trained, image, tiling)
                places = range(len(tiling.offsets))
                for place in places:
                    yield Part(np.array([number]), batch_of([place]))

    def _open(self, read: Open, numbered: tuple[int, Path]) -> tuple[int, OpenImage]:
        number, file = numbered
        return number, read(self._trained, file)

    def _numbered(self) -> list[tuple[int, Path]]:
        return list(enumerate(self._files))

    def _say(self, line: str) -> None:
        self._shown.say(line)

    def predicted(self, number: int, trained: Trained) -> WithMask:
        """An image with its predicted mask."""
        predict = by_tiles if trained.description.trained_on.tiles else whole
        [(_, found)] = predict(trained, [self._files[number]], self._say)
        image = Overview(found.size, VIEW, 0)

        def strips() -> Iterator[tuple[int, np.ndarray]]:
            for top, values in found.strips:
                rows = values["segmentation"]
                image.add(found.pixels(slice(top, top + len(rows))), top)
                yield top, rows

        return WithMask.of_strips(found.size, strips(), image)

    def file(self, number: int) -> Path | None:
        """The file of an image."""
        return self._files[number]
