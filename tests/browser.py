"""Chromium without a window, over its DevTools protocol: open, evaluate, press keys, listen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60.0
"""Seconds after which the browser counts as hung."""


def find_browser() -> str:
    """Return the path of the browser; without one fail under CI and skip elsewhere."""
    for path in filter(None, map(shutil.which, NAMES)):
        return path
    message = f"none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)"
    return pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Run the browser, with its files in a new directory."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    options += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    command = [find_browser(), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_address(profile / "DevToolsActivePort"), max_size=None) as socket:
            browser = Browser(socket)
            yield browser
            browser.call("Browser.close")
            process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait(PATIENCE)


def _address(file: Path) -> str:
    """Return the address that the browser writes once it listens."""
    end = time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text().count("\n")):
        assert time.monotonic() < end, "the browser did not start"
        time.sleep(0.02)
    port, path = file.read_text().split()
    return f"ws://127.0.0.1:{port}{path}"


class Browser:
    """One tab.

    ``complaints`` holds what came on the console at warning level and above, errors of scripts and
    of loading; ``requests`` the addresses that were asked for. ``open`` empties both.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._events: list[str] = []
        self._calls = 0
        self._session: dict[str, str] = {}
        self._socket = socket
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE))
        method, given = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Runtime.consoleAPICalled" and given["type"] in ("warning", "error", "assert"):
            self.complaints.append(str([x.get("value") for x in given["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(given["exceptionDetails"]["exception"]["description"])
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("warning", "error"):
            self.complaints.append(given["entry"]["text"] + " " + given["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        return message

    def call(self, command: str, **parameters: Any) -> dict[str, Any]:
        """Send a DevTools command and return its answer."""
        self._calls += 1
        message = {"id": self._calls, "method": command, "params": parameters, **self._session}
        self._socket.send(json.dumps(message))
        while (answer := self._receive()).get("id") != self._calls:
            pass
        assert "error" not in answer, (command, answer)
        return answer["result"]

    def open(self, page: Path, width: int = 1200, height: int = 800) -> None:
        """Load a file in a window of this size, and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.complaints.clear()
        self.requests.clear()
        self._events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, times: int = 1) -> None:
        """Press and release a key, as a keyboard does."""
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9}
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    code=key,
                    windowsVirtualKeyCode=codes[key],
                )
