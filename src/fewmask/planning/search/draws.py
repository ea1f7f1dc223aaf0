"""The settings of trials: a nested Latin hypercube (Qian 2009) with a dimension for every name."""

from random import Random

from fewmask.config.changes import Changes
from fewmask.config.ranges import Ranges
from fewmask.core.seeds import derive


def draw(ranges: Ranges, trials: int) -> list[Changes]:
    """The changes of so many trials. The first one is the method as it is written: none.

    The values of a setting depend on its name and range alone, so that trial k has the same value
    of it in every method whose range is the same, whatever else that searches. More trials leave
    the earlier ones as they are.
    """
    points = {name: _points(name, trials) for name in ranges}
    return [
        {name: one.at(points[name][k]) for name, one in ranges.items()} if k else {}
        for k in range(trials)
    ]


def _points(name: str, least: int) -> list[float]:
    """At least so many points in [0, 1): of the first 2 ** n, each of 2 ** n equal parts has one.

    Two settings have nothing else to do with each other. Dimensions of a Sobol sequence have: of
    64 trials all with a learning rate in the lower half of its range may have a weight in the upper
    half of its own.
    """
    random = Random(derive("search", name))
    points = [random.random()]
    while len(points) < least:
        parts = 2 * len(points)
        taken = {int(point * parts) for point in points}
        free = sorted({*range(parts)} - taken, key=lambda _: random.random())
        points += [(part + random.random()) / parts for part in free]
    return points
