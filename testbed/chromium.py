"""A headless Chromium, steered over a pipe: no driver and no port."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60.0  # seconds for one answer
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe"),
)
# Chromium looks for its pipe at the descriptors 3 and 4. A program of its own puts it there, since
# a function that ran between fork and exec would fork a process that has threads.
AS_THREE_AND_FOUR = """
import os, sys
ends = [os.dup(int(end)) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
for end in (3, 4):  # a dup may have become 3 or 4 already, which dup2 then leaves closed on exec
    os.set_inheritable(end, True)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab; `problems` has what its console and the browser complained of."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._session = write, read, ""
        self._buffer, self._number = b"", 0
        self.problems: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _receive(self) -> Any:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], PATIENCE)
            assert ready, f"Chromium said nothing for {PATIENCE:.0f} s"
            self._buffer += os.read(self._read, 1 << 20)
        message, self._buffer = self._buffer.split(b"\0", 1)
        event = json.loads(message)
        self._note(event)
        return event

    def _note(self, event: Any) -> None:
        kind, params = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        if kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(params["args"]))
        if kind == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        if kind == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, file: Path, fragment: str = "") -> float:
        """Load a file afresh; seconds until its scripts have run.

        Args:
            fragment: what follows # in the address.
        """
        self.send("Page.navigate", url="about:blank")  # another fragment alone loads nothing
        start = time.perf_counter()
        self.send("Page.navigate", url=file.as_uri() + (f"#{fragment}" if fragment else ""))
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return time.perf_counter() - start

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        options = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.send("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait for two frames, so that what was asked for is drawn."""
        self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))")

    def key(self, name: str) -> None:
        text = {"text": "\r"} if name == "Enter" else {"text": name} if len(name) == 1 else {}
        code = {"windowsVirtualKeyCode": KEYS[name]} if name in KEYS else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=name, **text, **code)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=name, **code)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        steps = (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end))
        for kind, (x, y) in steps:
            options = {"button": "left", "buttons": 1, "clickCount": 1}
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **options)

    def size(self, width: int, height: int, mobile: bool = False, scale: float = 1.0) -> None:
        options = {"width": width, "height": height, "mobile": mobile, "deviceScaleFactor": scale}
        self.send("Emulation.setDeviceMetricsOverride", **options)

    def dark(self, dark: bool) -> None:
        value = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path, **clip: Any) -> None:
        image = self.send("Page.captureScreenshot", format="png", **clip)["data"]
        path.write_bytes(b64decode(image))


@contextmanager
def chromium(executable: str, profile: Path) -> Iterator[Page]:
    """A fresh browser with one page; it is gone afterwards."""
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()

    command = [executable, *FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        [sys.executable, "-c", AS_THREE_AND_FOUR, str(down_read), str(up_write), *command],
        pass_fds=(down_read, up_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(down_read)
    os.close(up_write)
    try:
        yield Page(down_write, up_read)
    finally:
        process.kill()
        process.wait()
        os.close(down_write)
        os.close(up_read)
