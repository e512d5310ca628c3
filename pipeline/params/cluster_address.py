"""The address of a Ray cluster, as params.yaml names it."""

import re
from typing import Annotated

from pydantic import AfterValidator

_HOST_AND_PORT = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")


def _check(address: str) -> str:
    if address.startswith(("http://", "https://")):
        raise ValueError(
            "is where Ray takes jobs; a stage needs the cluster itself: give HOST:PORT of its "
            "head, such as head:6379, or submit `dvc repro` as a job (docs/cluster.md)"
        )
    if address != "auto" and not _HOST_AND_PORT.fullmatch(address):
        raise ValueError("give auto or HOST:PORT")
    return address


ClusterAddress = Annotated[str, AfterValidator(_check)]
