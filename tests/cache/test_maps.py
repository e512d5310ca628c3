"""The score maps have the names that params may use."""

from typing import get_args

from mentor3ad.cache.maps import MAPS, NEAR_MAPS
from mentor3ad.params.schema import MapName


def test_every_score_map_has_a_name_in_params() -> None:
    assert sorted([*MAPS, *NEAR_MAPS]) == sorted(get_args(MapName))
