"""Settings of the reader of Oxford-IIIT Pet."""

from typing import ClassVar, Literal

from fewmask.config.reader import ReaderSettings


class OxfordPetSettings(ReaderSettings):
    """Oxford-IIIT Pet in its official layout (images/, annotations/trimaps, annotations/list.txt).

    Trimap values: 1 pet, 2 background, 3 border. ``mask_values`` says what each becomes.
    """

    name: Literal["oxford_pet"]
    category: Literal["species", "breed"] = "species"
    """Which label of an image is its category: cat or dog, or one of the 37 breeds."""

    has_categories: ClassVar[bool] = True
