"""Extracts the features of prepared scans: one by one on the CPU, or together on a device."""

from collections.abc import Sequence

from ..extraction.batched import BatchExtractor, DeviceScan
from ..extraction.points import PointGeometry
from ..extraction.scan import Backbones, Fast, extract_one, scan_geometry
from ..features.store import ScanFeatures
from ..params.schema import Features
from ..preparation.prepare import PreparedScan


class OneByOne:
    """Extracts each scan on all cores of the CPU, to the bits of the stages."""

    def __init__(self, backbones: Backbones, options: Features) -> None:
        self.fast, self.options = Fast.of(backbones), options

    def group(self, scan: PreparedScan) -> PointGeometry:
        """Do what needs no network. Raises DataError if the scan has too few points."""
        return scan_geometry(scan, self.options.points)

    def features(
        self, scans: Sequence[PreparedScan], grouped: Sequence[PointGeometry]
    ) -> list[ScanFeatures]:
        each = [
            extract_one(*one, self.fast, self.options) for one in zip(scans, grouped, strict=True)
        ]
        return [ScanFeatures.of(arrays, self.options.points.pool) for arrays in each]


class Together:
    """Extracts all scans of a call in one batch, from their points to the rounded features."""

    def __init__(self, backbones: Backbones, options: Features) -> None:
        self.options = options
        self.extractor = BatchExtractor(backbones, options)

    def group(self, scan: PreparedScan) -> DeviceScan:
        """Normalise what the device sees; groups are made there. Raises DataError as above."""
        return DeviceScan.of(scan, self.options)

    def features(
        self, scans: Sequence[PreparedScan], grouped: Sequence[DeviceScan]
    ) -> list[ScanFeatures]:
        """Raises ConfigError where the device has too little free memory."""
        arrays = self.extractor(self.extractor.batch(grouped))
        each = ({name: array[i] for name, array in arrays.items()} for i in range(len(scans)))
        return [ScanFeatures.of(one, self.options.points.pool) for one in each]
