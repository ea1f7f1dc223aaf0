"""The order of suggestions, against a plain search, and in cases worked out by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fewmask.inference.suggestions.order import weighted_k_centre


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 3))
def test_it_is_what_a_plain_search_finds(seed: int, images: int, known: int):
    draws = np.random.default_rng(seed)
    features, centres = draws.normal(size=(images, 3)), draws.normal(size=(known, 3))
    weights = draws.random(images)
    order, distances = weighted_k_centre(features, weights, centres, images)
    assert sorted(order) == list(range(images))
    taken = list(centres)
    for place, (number, distance) in enumerate(zip(order, distances, strict=True)):
        worth = {
            one: weights[one] * min([np.linalg.norm(features[one] - t) for t in taken] or [1])
            for one in order[place:]
        }
        assert worth[number] == max(worth.values())
        if taken:
            assert np.isclose(distance, min(np.linalg.norm(features[number] - t) for t in taken))
        else:
            assert distance == np.inf
        taken.append(features[number])


def test_of_images_that_are_alike_one_is_chosen():
    features = np.array([[0.0, 1], [0.01, 1], [1, 0]])
    order, _ = weighted_k_centre(features, np.array([0.9, 0.89, 0.5]), np.zeros((0, 2)), 3)
    assert order == [0, 2, 1]


def test_a_certain_image_is_not_chosen_for_being_unlike_the_others():
    features = np.array([[0.0], [0.3], [9]])
    order, _ = weighted_k_centre(features, np.array([0.5, 0.5, 0.001]), np.zeros((1, 1)), 2)
    assert order == [1, 0] or order == [1, 2]
    assert order[0] == 1


def test_where_all_are_certain_the_distance_decides():
    features = np.array([[1.0], [5], [3]])
    order, distances = weighted_k_centre(features, np.zeros(3), np.zeros((1, 1)), 3)
    assert (order, distances) == ([1, 2, 0], [5, 2, 1])
