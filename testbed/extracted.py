"""Prepared scans in one batch, as extraction gathers them from its threads."""

from collections.abc import Sequence

from mentor3ad.extraction.batched import BatchExtractor, DeviceScan, HostBatch
from mentor3ad.preparation.prepare import PreparedScan


def batch_of(extractor: BatchExtractor, scans: Sequence[PreparedScan]) -> HostBatch:
    """The scans side by side; raises DataError where one has too few points."""
    return extractor.batch([DeviceScan.of(scan, extractor.options) for scan in scans])
