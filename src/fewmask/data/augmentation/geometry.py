"""Depths and surface normals that stay true when their image is flipped, turned and zoomed.

Axes are the camera's, as in `fewmask.data.readers.normals_from_depth`: x to the right, y down, z
away from it. A `Warp` maps offsets in the result to offsets in the image by its linear part L.
Where things keep their shape L is Q / zoom, with Q a rotation or flip or both. So with Q's inverse,
its transpose, at every pixel of the result

    (x, y) of a normal    is turned and mirrored by the inverse of Q, as the image is; z stays
    a depth               is divided by the zoom: what looks twice as large is half as far away

Where the pixels are square (fx = fy) both are exactly what a camera sees with zoom times the focal
length, and its axis at the pixel that shows the image's, in a room that is 1 / zoom times as
large, and mirrored if the image is. The size of a room cannot be told from an image, its shape
can: hence the normals stay. The same camera as before would see the image in a room squashed
along its axis, where z of the normals were zoom times as long before they are brought to length 1;
no such room exists.

Values are those of the nearest pixel, because a mean across an edge lies on no surface, and 0 (not
known) outside the image, as in `Warp.inside`.
"""

from torch import Tensor

from fewmask.data.augmentation.warp import Warp


def warp_depth(warp: Warp, depth: Tensor) -> Tensor:
    """Take depths along: float32 (N, H, W), metres, 0 = not known -> (N, h, w).

    The warp must keep shapes, see `Augmentation.check_keeps_shapes`.
    """
    if warp.is_identity:
        return depth
    return warp.inside(depth[:, None])[:, 0] / zoom(warp)[:, None, None]


def warp_normals(warp: Warp, normals: Tensor) -> Tensor:
    """Take normals along: float32 (N, 3, H, W), unit vectors, 0 = not known -> (N, 3, h, w).

    The warp must keep shapes, see `Augmentation.check_keeps_shapes`.
    """
    if warp.is_identity:
        return normals
    turned = warp.inside(normals)
    to_image = warp.matrices[:, :, :2] * zoom(warp)[:, None, None]
    # The transpose of Q times (x, y), as products and a sum: autocast would round a matrix product.
    turned[:, :2] = (to_image[..., None, None] * turned[:, :2, None]).sum(dim=1)
    return turned


def zoom(warp: Warp) -> Tensor:
    """How many times as large things are shown, float32 (N,)."""
    (a, b), (c, d) = (row.unbind(1) for row in warp.matrices[:, :, :2].unbind(1))
    return 1 / (a * d - b * c).abs().sqrt()
