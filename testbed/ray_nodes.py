"""A Ray cluster of several nodes on this machine, for tests and benchmarks.

Every node has a loopback address of its own, so that no two want the same port. 127.0.0.1 does not
do: Ray replaces it by the machine's outer address.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from testbed.environment import environment
from testbed.paths import ROOT

HEAD = "127.0.0.2"
STORE = 100_000_000  # bytes of a node's object store
ENVIRONMENT = {
    "RAY_health_check_period_ms": "1000",  # a lost node is noticed in seconds, not in half a minute
    "RAY_health_check_failure_threshold": "3",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONPATH": str(ROOT),  # of workers: this code, wherever another release is installed
}


class Nodes:
    """The nodes of a cluster beside its head, which does no work."""

    def __init__(self, count: int, cores: int = 1) -> None:
        head = {"num_cpus": 0, "node_ip_address": HEAD, "include_dashboard": False}
        self._cluster = Cluster(
            initialize_head=True, head_node_args=head | {"object_store_memory": STORE}
        )
        self._cores, self._started = cores, 0
        self.nodes: list[Any] = []
        self.fill(count)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def fill(self, count: int) -> None:
        """Add nodes, one by one, until there are so many: those that start together collide."""
        while len(self.nodes) < count:
            address = f"127.0.0.{10 + self._started}"
            self._started += 1
            node = self._cluster.add_node(
                num_cpus=self._cores, node_ip_address=address, object_store_memory=STORE
            )
            self.nodes.append(node)

    def kill(self) -> None:
        """End the oldest node and all that runs on it, without a word.

        Its workers would live on for a moment, and do what they have.
        """
        node = self.nodes.pop(0)
        (raylet,) = node.all_processes["raylet"]
        for process in psutil.Process(raylet.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self) -> None:
        self._cluster.shutdown()


@contextmanager
def nodes(count: int, cores: int = 1) -> Iterator[Nodes]:
    """Start a cluster; all of its processes are gone after the context."""
    with environment(ENVIRONMENT):
        running = Nodes(count, cores)
        try:
            yield running
        finally:
            running.end()
