"""Hostile inputs: files of every format, camera files, params, studies, bundles and folders."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from testbed.paths import ROOT

from . import forked, mutate, seeds
from .forked import Action, Command, Ended
from .project import MODEL, SCANS, Base, remove, remove_deep
from .tally import DIFFERS, ESCAPED, HUNG, MEMORY, READ, SILENT, Tally, Verdict

LIMIT_S = 10.0
MEMORY_BYTES = 3 << 29  # 1.5 GB: what a scan may take at most
SECRET = "secret"  # a file outside the folder that nothing may open
OUTSIDE = "OPENED OUTSIDE: "
GOOD = "good"  # the name of the scan that must be inspected whatever lies beside it


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes:
        row: its row in the table.
        action: what reads it.
        what: a description, from which it can be made again with the seed.
        inspects: it is `predict`, whose lines are looked at.
    """

    row: str
    action: Action
    what: str
    inspects: bool = False
    has_good: bool = False


Maker = Callable[[random.Random, Path], Case]


def hostile(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Make so many hostile inputs, each by a maker chosen by chance, and let them be read."""
    makers = _makers(base)
    folder = base.folder / "hostile"
    for number in range(trials):
        remove_deep(folder)
        folder.mkdir()
        (base.folder / SECRET).write_text("{}", encoding="ascii")
        case = rng.choices([m for m, _ in makers], [weight for _, weight in makers])[0](rng, folder)
        ended = forked.run(case.action, folder, 3 * LIMIT_S, _watch_files, 2 * MEMORY_BYTES)
        verdict = _verdict(case, ended)
        tally.add(case.row, verdict, f"case {number}, {case.what}: {ended.last_line}")
        if verdict.bad:
            _keep(folder, base.folder / "kept" / f"{number}")
        remove_deep(folder)
        yield


def _verdict(case: Case, ended: Ended) -> Verdict:
    if OUTSIDE in ended.text:
        return ESCAPED
    if ended.fault is not None and ended.fault.bad:
        return ended.fault
    limit = LIMIT_S * (2 if case.inspects else 1)  # predict loads a model as well
    if ended.seconds > limit:
        return HUNG
    if ended.peak > MEMORY_BYTES:
        return MEMORY
    if case.inspects and (found := _of_lines(case, ended)) is not None:
        return found
    return ended.fault or READ


def _of_lines(case: Case, ended: Ended) -> Verdict | None:
    """What is bad about the lines of `predict`."""
    lines = [line for line in ended.text.splitlines() if line.startswith("{")]
    if any(word in line for line in lines for word in ("NaN", "Infinity")):
        return SILENT
    names = {json.loads(line)["id"] for line in lines}
    return DIFFERS if case.has_good and not any(GOOD in name for name in names) else None


def _watch_files() -> None:
    """Tell of each file that Python opens by a name that leads to the secret one."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            name = os.fsdecode(arguments[0])
            if os.path.basename(os.path.realpath(name)) == SECRET:  # noqa: PTH119
                os.write(2, f"{OUTSIDE}{name}\n".encode())

    sys.addaudithook(look)


def _keep(folder: Path, target: Path) -> None:
    """Keep what made a promise break."""
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(folder), str(target)], check=False)  # of any depth


def _makers(base: Base) -> list[tuple[Maker, float]]:
    """Makers of cases, and how often each is taken."""
    place = base.folder / "seeds"
    remove(place)
    geometry, images = seeds.geometry(place / "geometry"), seeds.images(place / "images")
    cameras = seeds.cameras(place / "cameras")
    params = _yaml(base.root / "params.yaml")
    studies = [_yaml(path) for path in sorted((ROOT / "studies").glob("*.yaml"))]
    base.bundle()
    return [
        (lambda rng, to: _geometry(rng, to, geometry, images, cameras), 45),
        (lambda rng, to: _image(rng, to, images, geometry), 20),
        (lambda rng, to: _camera(rng, to, cameras), 10),
        (lambda rng, to: _params(rng, to, params), 8),
        (lambda rng, to: _study(rng, to, studies), 8),
        (lambda rng, to: _bundle(rng, to, base), 5),
        (lambda rng, to: _folder(rng, to, base), 4),
    ]


def _yaml(path: Path) -> Any:
    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return json.loads(json.dumps(content))


def _geometry(
    rng: random.Random, to: Path, good: list[Path], images: list[Path], cameras: list[Path]
) -> Case:
    source = rng.choice(good)
    others = [path.read_bytes() for path in (*good, *images)]
    path = to / source.name
    path.write_bytes(mutate.bytes_of(rng, source.read_bytes(), others))
    camera = rng.choice((None, *cameras))

    def read() -> None:
        from mentor3ad.readers.formats.calibration import load_calibration
        from mentor3ad.readers.formats.geometry import read_organised

        known = None if camera is None else load_calibration(camera)
        read_organised(path, units=rng.choice(("m", "mm")), camera=known)

    return Case(f"geometry, {source.suffix[1:]}", read, f"of {source.name}")


def _image(rng: random.Random, to: Path, good: list[Path], geometry: list[Path]) -> Case:
    source = rng.choice(good)
    path = to / source.name
    others = [other.read_bytes() for other in (*good, *geometry)]
    path.write_bytes(mutate.bytes_of(rng, source.read_bytes(), others))
    as_mask = rng.random() < 0.4

    def read() -> None:
        from mentor3ad.readers.formats.image import read_rgb_image
        from mentor3ad.readers.formats.mask import read_mask_image

        (read_mask_image if as_mask else read_rgb_image)(path)

    return Case(f"image, {source.suffix[1:]}", read, f"of {source.name}")


def _text(rng: random.Random, content: Any) -> bytes:
    """Values as JSON with a change, its bytes with a change, or a bomb of YAML."""
    kind = rng.random()
    if kind < 0.1:
        return mutate.yaml_bomb(rng)
    if kind < 0.3:
        return mutate.bytes_of(rng, json.dumps(content).encode(), [])
    return json.dumps(mutate.value_of(rng, content)).encode()


def _camera(rng: random.Random, to: Path, good: list[Path]) -> Case:
    source = rng.choice(good)
    path = to / f"camera{source.suffix}"
    path.write_bytes(_text(rng, json.loads(source.read_text(encoding="utf-8"))))

    def read() -> None:
        from mentor3ad.readers.formats.calibration import load_calibration

        load_calibration(path)

    return Case("camera file", read, f"of {source.name}")


def _params(rng: random.Random, to: Path, good: Any) -> Case:
    path = to / "params.yaml"
    path.write_bytes(_text(rng, good))

    def read() -> None:
        from mentor3ad.params.schema import load_params

        load_params(path)

    return Case("params.yaml", read, "params")


def _study(rng: random.Random, to: Path, good: list[Any]) -> Case:
    path = to / "study.yaml"
    path.write_bytes(_text(rng, rng.choice(good)))

    def read() -> None:
        from mentor3ad.studies.definition import load_study

        load_study(path)

    return Case("study", read, "study")


def _bundle(rng: random.Random, to: Path, base: Base) -> Case:
    """A bundle whose forger has made its hashes anew."""
    made = to / MODEL
    shutil.copytree(base.root / MODEL, made)
    victim = rng.choice(sorted(made.iterdir()))
    content = victim.read_bytes()
    if victim.suffix == ".safetensors":
        victim.write_bytes(_tensors(rng, content))
    else:
        victim.write_bytes(_text(rng, json.loads(content)))
    _sign(made, victim)
    scans = str(base.root / SCANS / "good")
    command = Command("mentor3ad.cli", ("predict", "--bundle", MODEL, scans, "--device", "cpu"))
    return Case("bundle", command, f"{victim.name} forged", inspects=True)


def _sign(folder: Path, victim: Path) -> None:
    """Make the hashes in bundle.json anew, where it is still one that has any."""
    from mentor3ad.inspection.bundle import BUNDLE_FILE, sealed_text

    path = folder / BUNDLE_FILE
    try:
        manifest = json.loads(path.read_bytes())
        manifest.pop("sha256", None)
        if victim != path:
            manifest["files"][victim.name] = hashlib.sha256(victim.read_bytes()).hexdigest()
        path.write_text(sealed_text(manifest), encoding="utf-8")
    except (ValueError, AttributeError, RecursionError):
        return  # what was forged is no document, or no mapping


def _tensors(rng: random.Random, content: bytes) -> bytes:
    """A safetensors file with hostile numbers, a hostile header, or damage."""
    (length,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    kind = rng.random()
    if kind < 0.4:
        value = rng.choice((float("nan"), float("inf"), 3e38, -3e38, 1e-45))
        for at in range(0, len(body) - 3, 4 * rng.choice((1, 97, 10**6))):
            body[at : at + 4] = struct.pack("<f", value)
    elif kind < 0.8:
        metadata = header.get("__metadata__", {})
        if rng.random() < 0.7 and "config" in metadata:
            metadata["config"] = json.dumps(mutate.value_of(rng, json.loads(metadata["config"])))
        else:
            header = mutate.value_of(rng, header)
    else:
        return mutate.bytes_of(rng, content, [])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


def _folder(rng: random.Random, to: Path, base: Base) -> Case:
    """A folder of scans with one hostile entry beside a good scan."""
    scans, source = to / "scans", base.root / SCANS / "good"
    scans.mkdir()
    shutil.copyfile(source / "rgb/000.png", scans / f"{GOOD}.png")
    shutil.copyfile(source / "xyz/000.tiff", scans / f"{GOOD}.tiff")
    name, make = rng.choice(list(ENTRIES.items()))
    make(scans, base.folder / SECRET)
    command = Command(
        "mentor3ad.cli",
        ("predict", "--bundle", str(base.root / MODEL), "scans", "--device", "cpu")
        + (("--out", "out", "--heatmap") if rng.random() < 0.5 else ()),
    )
    return Case("folder of scans", command, f"with {name}", inspects=True, has_good=True)


def _link(scans: Path, secret: Path) -> None:
    (scans / "bad.png").symlink_to(secret)
    (scans / "bad.tiff").symlink_to(secret)


def _loop(scans: Path, _: Path) -> None:
    (scans / "bad.png").symlink_to("bad.tiff")
    (scans / "bad.tiff").symlink_to("bad.png")


def _folder_link(scans: Path, secret: Path) -> None:
    (scans / "more").symlink_to(secret.parent)


def _self_link(scans: Path, _: Path) -> None:
    (scans / "more").symlink_to(".")


def _fifo(scans: Path, _: Path) -> None:
    os.mkfifo(scans / "bad.png")
    os.mkfifo(scans / "bad.tiff")


def _device(scans: Path, _: Path) -> None:
    (scans / "bad.png").symlink_to("/dev/zero")
    (scans / "bad.tiff").symlink_to("/dev/zero")


def _bytes_name(scans: Path, _: Path) -> None:
    for suffix in (b".png", b".tiff"):
        (Path(os.fsdecode(os.fsencode(scans) + b"/bad\xff\xfe" + suffix))).write_bytes(b"x")


def _long_name(scans: Path, _: Path) -> None:
    for suffix in (".png", ".tiff"):
        shutil.copyfile(scans / f"{GOOD}{suffix}", scans / ("n" * 250 + suffix))


def _control_name(scans: Path, _: Path) -> None:
    for suffix in (".png", ".tiff"):
        shutil.copyfile(scans / f"{GOOD}{suffix}", scans / f"=a\n\x1b[31m{suffix}")


def _deep(scans: Path, _: Path) -> None:
    here = os.open(scans, os.O_RDONLY)
    for _n in range(1100):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def _roles(scans: Path, _: Path) -> None:
    (scans / "rgb").mkdir()
    shutil.copyfile(scans / f"{GOOD}.png", scans / "rgb/bad.png")


def _folder_named_as_file(scans: Path, _: Path) -> None:
    (scans / "bad.png").mkdir()
    (scans / "bad.tiff").mkdir()


def _empty(scans: Path, _: Path) -> None:
    (scans / "bad.png").touch()
    (scans / "bad.tiff").touch()


ENTRIES: dict[str, Callable[[Path, Path], None]] = {
    "a link out of the folder": _link,
    "a loop of links": _loop,
    "a link to the folder above": _folder_link,
    "a link to itself": _self_link,
    "a FIFO": _fifo,
    "a device": _device,
    "a name that is not UTF-8": _bytes_name,
    "a name of 250 characters": _long_name,
    "control characters in a name": _control_name,
    "1,100 nested folders": _deep,
    "a folder rgb beside flat files": _roles,
    "folders named as files": _folder_named_as_file,
    "empty files": _empty,
}
