"""The bundles of a service, each loaded once, and again when its folder is replaced."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..inspection.bundle import BUNDLE_FILE
from ..inspection.inspector import Inspector
from ..plumbing.documents import DocumentError, read_bytes
from ..plumbing.errors import ConfigError, Mentor3ADError
from ..plumbing.logs import LOGGER, log_event


@dataclass(frozen=True, eq=False)
class Recipe:
    """A bundle that is loaded and warm.

    Attributes:
        name: the name of the bundle's folder.
        version: the first 12 digits of the SHA-256 of its bundle.json, which lists all its files.
    """

    name: str
    version: str
    inspector: Inspector


class Recipes:
    """Recipes by name. A bundle that is replaced takes the old one's place once it is warm."""

    def __init__(self, places: Sequence[Path], device: str) -> None:
        """Load every bundle.

        Args:
            places: bundles, or folders of bundles.

        Raises:
            ConfigError: there is none, or two have one name.
            BundleError, WeightsError: one of them cannot be loaded.
        """
        self.places, self.device = places, device
        self.problems: dict[str, str] = {}  # why a new bundle could not take its place
        self._lock = threading.Lock()
        self._loaded = {name: self._load(name, path) for name, path in find(places).items()}

    def get(self, name: str) -> Recipe | None:
        with self._lock:
            return self._loaded.get(name)

    def all(self) -> list[Recipe]:
        with self._lock:
            return [self._loaded[name] for name in sorted(self._loaded)]

    def refresh(self) -> None:
        """Load what has changed or come. A bundle that cannot be loaded leaves the old one."""
        try:
            found = find(self.places)
        except ConfigError:
            return  # a folder that is being replaced; the loaded ones stay
        for name, path in found.items():
            old = self.get(name)
            try:
                if old is None or _version(path) != old.version:
                    new = self._load(name, path)
                    with self._lock:
                        self._loaded[name] = new
                self.problems.pop(name, None)
            except (Mentor3ADError, OSError) as error:
                if self.problems.get(name) != str(error):
                    LOGGER.warning("%s stays as it is: %s", name, error)
                self.problems[name] = str(error)

    def _load(self, name: str, path: Path) -> Recipe:
        version = _version(path)
        inspector = Inspector.load(path, device=self.device)
        seconds = round(inspector.warm_up(), 3)
        if _version(path) != version:
            raise ConfigError(f"{path} changed while it was loaded")
        log_event("recipe", {"name": name, "version": version, "warm_up_seconds": seconds})
        return Recipe(name, version, inspector)


def find(places: Sequence[Path]) -> dict[str, Path]:
    """Return the bundles among some folders and right in them, by name.

    Raises:
        ConfigError: there is none, or two have one name.
    """
    found: dict[str, Path] = {}
    for place in places:
        below = sorted(place.iterdir()) if place.is_dir() else []
        for path in [place] if (place / BUNDLE_FILE).is_file() else below:
            if path.name.startswith(".") or not (path / BUNDLE_FILE).is_file():
                continue
            name = path.resolve().name if path == Path() else path.name
            if found.setdefault(name, path) != path:
                raise ConfigError(f"{path} and {found[name]} have one name: rename one of them")
    if not found:
        named = ", ".join(map(str, places))
        raise ConfigError(f"{named}: there is no bundle; write one with `mentor3ad bundle`")
    return found


def _version(path: Path) -> str:
    try:
        content = read_bytes(path / BUNDLE_FILE)
    except DocumentError as error:
        raise ConfigError(f"{path / BUNDLE_FILE} {error}") from None
    return hashlib.sha256(content).hexdigest()[:12]
