"""A headless Chromium, driven over its debugging pipe: no driver and no network is needed."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page of a headless browser.

    ``messages`` collects everything written to the console, errors included; ``requests`` the address of every request.
    """

    def __init__(self, sending, receiving):
        self._send, self._receive, self._id, self._session = sending, receiving, 0, None
        self._buffer = b""
        self.messages, self.requests = [], []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method, **params):
        """Send a command and return its result."""
        self._id += 1
        command = {"id": self._id, "method": method, "params": params}
        os.write(
            self._send, json.dumps(command | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            answer = self._next()
            if answer.get("id") == self._id:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _next(self):
        while b"\0" not in self._buffer:
            self._buffer += os.read(self._receive, 1 << 16)
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        params = event.get("params", {})
        if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.messages.append(json.dumps(params)[:500])
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if event["method"] == "Page.loadEventFired":
            self.loaded = True

    def open(self, path, width=1280, height=900, dark=False):
        """Open a file and wait until it has been loaded."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self.loaded = False
        self("Page.navigate", url=Path(path).resolve().as_uri())
        while not self.loaded:
            self._note(self._next())

    def run(self, script):
        """Return the value of an expression, awaited if it is a promise."""
        result = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, key, code=None):
        """Press and release a key."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        codes = {"Enter": 13, "Tab": 9, " ": 32}
        about = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes.get(key, 0)}
        self("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self("Input.dispatchKeyEvent", type="keyUp", **about)

    def picture(self, path, whole=False):
        """Write a screenshot."""
        data = self("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        Path(path).write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder):
    """Start a browser with a fresh profile in a folder, and end it afterwards."""
    commands, sending = os.pipe()
    receiving, answers = os.pipe()

    def connect():
        # Moved out of the way first: either may have one of the numbers that the browser expects.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]
        for end, number in zip(ends, (3, 4)):
            os.dup2(end, number)

    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
    options += ["--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [CHROMIUM, *options], preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(commands)
    os.close(answers)
    try:
        yield Browser(sending, receiving)
    finally:
        process.kill()
        process.wait()
        os.close(sending)
        os.close(receiving)
