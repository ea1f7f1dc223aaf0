"""Which files of a folder are images, which are masks, and which belong together."""

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from tests.data.making import make_folder, noise, save, settings


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mine"


def items(root, images, masks=None, unlabelled=None):
    """Name, image and mask of every item, as paths below the root."""
    patterns = {"images": images, "masks": masks, "unlabelled": unlabelled}
    reader = {"name": "folder"} | {key: value for key, value in patterns.items() if value}
    found = open_reader(settings(reader=reader), root.parent).items()

    def below(path):
        return None if path is None else path.relative_to(root).as_posix()

    return [(item.name, below(item.image), below(item.mask)) for item in found]


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_images_without_masks_are_unlabelled(root):
    make_folder(root, count=3)
    assert items(root, "images/*.png", "masks/*.png") == [
        ("0", "images/0.png", "masks/0.png"),
        ("1", "images/1.png", "masks/1.png"),
        ("2", "images/2.png", None),
    ]
    reader = open_reader(settings(), root.parent)
    samples = [reader.load(item) for item in reader.items()]
    assert ["mask" not in sample.truth for sample in samples] == [False, False, True]
    assert all(sample.image.shape == (20, 30, 3) for sample in samples)


def test_no_masks_at_all(root):
    make_folder(root, count=2)
    assert [mask for _, _, mask in items(root, "images/*.png")] == [None, None]


def test_numbers_are_in_numerical_order(root):
    touch(root, "a_10.png", "a_9.png", "a_1.png", "b_2.png", "²_1.png")
    names = [name for name, _, _ in items(root, "*.png")]
    assert names == ["a_1", "a_9", "a_10", "b_2", "²_1"]


def test_stars_in_the_place_of_folders(root):
    touch(root, "leftImg8bit/aachen/1_leftImg8bit.png", "gtFine/aachen/1_gtFine_labelIds.png")
    touch(root, "leftImg8bit/bonn/1_leftImg8bit.png", "gtFine/aachen/1_gtFine_color.png")
    found = items(root, "leftImg8bit/*/*_leftImg8bit.png", "gtFine/*/*_gtFine_labelIds.png")
    assert [(name, mask) for name, _, mask in found] == [
        ("aachen/1", "gtFine/aachen/1_gtFine_labelIds.png"),
        ("bonn/1", None),
    ]


def test_folders_of_any_depth(root):
    touch(root, "images/1.png", "images/a/b/2.png", "masks/a/b/2.png")
    assert items(root, "images/**/*.png", "masks/**/*.png") == [
        ("1", "images/1.png", None),
        ("a/b/2", "images/a/b/2.png", "masks/a/b/2.png"),
    ]
    assert items(root, "images/**", "masks/**") == items(root, "images/**/*.png", "masks/**/*.png")


def test_a_bare_star_finds_images_of_all_formats_and_nothing_else(root):
    touch(root, "images/1.JPG", "images/2.png", "images/Thumbs.db", "images/.hidden.png")
    touch(root, "images/folder.png/3.png", "masks/1.png")
    assert items(root, "images/*", "masks/*") == [
        ("1", "images/1.JPG", "masks/1.png"),
        ("2", "images/2.png", None),
    ]


def test_masks_beside_images_are_no_images(root):
    touch(root, "1.png", "1_mask.png", "2.png")
    assert items(root, "*.png", "*_mask.png") == [
        ("1", "1.png", "1_mask.png"),
        ("2", "2.png", None),
    ]


def test_further_unlabelled_images(root):
    touch(root, "images/1.png", "masks/1.png", "extra/1.png", "extra/2.jpg")
    assert items(root, "images/*", "masks/*", "extra/*") == [
        ("1", "images/1.png", "masks/1.png"),
        ("extra/1", "extra/1.png", None),
        ("extra/2", "extra/2.jpg", None),
    ]


def test_a_image_that_is_found_twice_is_one_image(root):
    touch(root, "images/1.png", "images/sub/2.png", "masks/1.png")
    assert [name for name, _, _ in items(root, "images/*.png", "masks/*.png", "images/**")] == [
        "1",
        "images/sub/2",
    ]
    assert len(items(root, "images/**", "masks/*.png", "images/**")) == 2


def test_only_stars_are_special(root):
    touch(root, "a[1]?/1.png", "a1b/1.png", "a.c/1_png")
    assert items(root, "a[1]?/*.png") == [("1", "a[1]?/1.png", None)]


def test_an_ending_may_be_in_any_case(root):
    touch(root, "images/1.png", "images/2.PNG", "images/3.Png", "masks/2.png", "masks/1.PNG")
    assert items(root, "images/*.png", "masks/*.png") == [
        ("1", "images/1.png", "masks/1.PNG"),
        ("2", "images/2.PNG", "masks/2.png"),
        ("3", "images/3.Png", None),
    ]


# --- Links -----------------------------------------------------------------------------------


def test_a_loop_of_links_changes_nothing(root):
    touch(root, "images/a/1.png", "images/2.png", "test/3.png", "masks/2.png", "more/4.png")
    patterns = ("images/**", "masks/**", "more/**")
    expected = items(root, *patterns)
    assert len(expected) == 3
    for link, target in {
        "images/loop": "..",
        "images/a/up": "../..",
        "images/a/again": ".",
        "images/masks": "../masks",
        "masks/loop": "..",
        "more/loop": "..",
        "more/images": "../images",
    }.items():
        (root / link).symlink_to(target)
    assert items(root, *patterns) == expected


def test_many_ways_to_a_folder_are_walked_once(root):
    """Each folder links twice to the next: 2 to the power of 40 ways lead to the last."""
    touch(root, "39/1.png")
    for i in range(39):
        (root / f"{i}").mkdir()
        for link in ("left", "right"):
            (root / f"{i}" / link).symlink_to(f"../{i + 1}")
    assert len(items(root, "0/**")) == 1


def test_a_file_counts_once_under_its_own_name(root):
    touch(root, "images/b/2.png", "masks/b/2.png")
    (root / "images/a").symlink_to("b")
    (root / "images/b/1.png").symlink_to("2.png")
    (root / "more").symlink_to("images")
    expected = [("b/2", "images/b/2.png", "masks/b/2.png")]
    assert items(root, "images/**", "masks/**", "more/**") == expected


def test_images_may_share_a_mask_by_a_link(root):
    touch(root, "images/1.png", "images/2.png", "masks/1.png")
    (root / "masks/2.png").symlink_to("1.png")
    assert [mask for _, _, mask in items(root, "images/*.png", "masks/*.png")] == [
        "masks/1.png",
        "masks/2.png",
    ]


# --- What is said of mistakes ----------------------------------------------------------------


def test_a_pattern_that_finds_nothing(root):
    touch(root, "images/1.jpg", "labels/1.png")
    with pytest.raises(FewmaskError) as error:
        items(root, "images/*.png")
    assert str(error.value) == (
        f"reader.images: no file below {root} matches images/*.png\n"
        "  found there: images, labels\n"
        "  mend: correct the pattern (* within a name, ** for folders of any depth)"
    )


def test_a_mask_without_an_image(root):
    touch(root, *(f"images/{i}.png" for i in range(5)), "masks/1.png", "masks/cat.png")
    with pytest.raises(FewmaskError) as error:
        items(root, "images/*.png", "masks/*.png")
    assert str(error.value) == (
        f"{root}/masks/cat.png: this mask has no image (1 of 2 masks have none)\n"
        "  expected: an image images/*.png whose stars match cat\n"
        "  found: images whose stars match 0, 1, 2 and 2 more\n"
        "  mend: correct the patterns reader.images and reader.masks, or remove the mask"
    )


def test_two_images_of_one_name(root):
    touch(root, "1.jpg", "1.png")
    with pytest.raises(FewmaskError) as error:
        items(root, "*")
    assert str(error.value) == (
        f"reader.images: {root}/1.jpg and {root}/1.png have the same name, 1\n"
        "  mend: rename or remove one, or narrow the pattern *"
    )


def test_a_mask_of_another_size_is_the_images_error(root):
    make_folder(root, count=2)
    save(root / "masks/0.png", noise(5, 5, below=3))
    reader = open_reader(settings(), root.parent)
    with pytest.raises(FewmaskError, match=r"masks/0\.png: found a mask of 5 x 5"):
        reader.load(reader.items()[0])
