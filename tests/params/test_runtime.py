"""Work outside a project has a runtime of its own."""

import pytest

from mentor3ad.params.runtime import own_runtime
from mentor3ad.plumbing.errors import ConfigError


def test_it_is_this_machine_and_the_device() -> None:
    runtime = own_runtime("cuda:1")
    assert (runtime.device, runtime.engine, runtime.address) == ("cuda:1", "local", None)
    assert (runtime.threads, runtime.store) == (None, None)


def test_or_a_cluster() -> None:
    runtime = own_runtime("auto", "head:6379")
    assert (runtime.engine, runtime.address) == ("ray", "head:6379")


@pytest.mark.parametrize(
    ("device", "cluster", "said"),
    [
        ("tpu", None, "device 'tpu': give auto, cpu, cuda or cuda:N"),
        ("cpu", "http://head", "cluster 'http://head': give auto or HOST:PORT"),
    ],
)
def test_what_is_neither_is_refused(device: str, cluster: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        own_runtime(device, cluster)
