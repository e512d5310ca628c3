"""What a store says of itself: arrays, codec and manifest. No clock, host or path in it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ..plumbing.documents import dump_json

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ArraySpec:
    """One array of a store; the first axis of the whole array counts the samples."""

    name: str
    shape: tuple[int, ...]  # of one sample
    dtype: str


@dataclass(frozen=True)
class StoreManifest:
    """Everything that the content of a store depends on."""

    kind: str  # features, scores or maps
    category: str
    samples: tuple[str, ...]  # sample ids, in the order of the first axis
    hashes: tuple[str, ...]  # content hash of each sample's input
    inputs: dict[str, Any]  # params, weight hashes, versions: JSON values
    arrays: tuple[ArraySpec, ...]
    codec: str
    shard: int  # samples a file
    version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "category": self.category,
            "samples": list(self.samples),
            "hashes": list(self.hashes),
            **self._shared,
            "codec": self.codec,
            "shard": self.shard,
            "version": self.version,
        }

    @property
    def _shared(self) -> dict[str, Any]:
        """What does not grow with the samples, as JSON gives it back."""
        arrays = [asdict(spec) for spec in self.arrays]
        content: dict[str, Any] = json.loads(dump_json({"inputs": self.inputs, "arrays": arrays}))
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "StoreManifest":
        content = dict(content)
        arrays = tuple(
            ArraySpec(a["name"], tuple(a["shape"]), a["dtype"]) for a in content.pop("arrays")
        )
        samples, hashes = tuple(content.pop("samples")), tuple(content.pop("hashes"))
        return cls(arrays=arrays, samples=samples, hashes=hashes, **content)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest; equal fingerprints mean equal bytes on the same machine."""
        return _sha256(self.to_json())

    @cached_property
    def sample_fingerprint(self) -> str:
        """SHA-256 of what one sample's values depend on beside its own content.

        The other samples do not count, nor how samples are cut into shards and compressed.
        """
        return _sha256({"kind": self.kind, "version": self.version, **self._shared})

    @property
    def shards(self) -> int:
        return -(-len(self.samples) // self.shard)

    def shard_samples(self, shard: int) -> range:
        """Positions of the samples that one shard holds."""
        return range(shard * self.shard, min((shard + 1) * self.shard, len(self.samples)))

    def shard_files(self, spec: ArraySpec) -> list[str]:
        """Paths of an array's shards inside the store."""
        return [self.shard_file(spec, shard) for shard in range(self.shards)]

    def shard_file(self, spec: ArraySpec, shard: int) -> str:
        """The path of one of them."""
        return f"{spec.name}/c/{shard}{'/0' * len(spec.shape)}"


def _sha256(content: dict[str, Any]) -> str:
    text = dump_json(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
