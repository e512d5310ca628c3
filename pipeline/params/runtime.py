"""The runtime of work outside a project, which has no params.yaml."""

from typing import Any

from pydantic import ValidationError

from ..plumbing.errors import ConfigError
from .schema import Runtime

_OWN: dict[str, Any] = dict.fromkeys(Runtime.model_fields) | {"engine": "local"}  # all else is null


def own_runtime(device: str, cluster: str | None = None) -> Runtime:
    """The runtime on a device, or on a Ray cluster.

    Args:
        device: auto, cpu, cuda or cuda:N.
        cluster: auto or HOST:PORT; None: this machine alone.

    Raises:
        ConfigError: no such device or address.
    """
    asked = {"device": device}
    if cluster is not None:
        asked |= {"engine": "ray", "address": cluster}
    try:
        return Runtime(**(_OWN | asked))
    except ValidationError as error:
        if error.errors()[0]["loc"] == ("address",):
            raise ConfigError(f"cluster {cluster!r}: give auto or HOST:PORT") from None
        raise ConfigError(f"device {device!r}: give auto, cpu, cuda or cuda:N") from None
