"""A headless Chromium, driven over a pipe by its own protocol (DevTools): no driver, no library.

Where none is installed find() is None, and the tests that need one are skipped with a line that says
so: apt-get install chromium-headless-shell."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SECONDS = 60


def find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page."""

    def __init__(self, folder: Path):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The protocol's pipe is made of the file descriptors 3 and 4.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_browser, from_browser)]
        command = ["bash", "-c", f'exec 3<&{high[0]} 4>&{high[1]}; exec "$@"', "-", find(),
                   "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", f"--user-data-dir={folder}", "--window-size=1200,1000",
                   "--remote-debugging-pipe"]
        with open(folder / "browser.log", "w") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, pass_fds=high, start_new_session=True)
        for fd in (to_browser, from_browser, *high):
            os.close(fd)
        os.set_blocking(self._in, False)
        self._read = b""
        self._number = 0
        self._session = None
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target,
                                   flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(domain + ".enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def run(self, script: str):
        """The value of a JavaScript expression; a promise is waited for."""
        result = self._call("Runtime.evaluate", expression=script, awaitPromise=True,
                            returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str) -> str:
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def fill(self, selector: str, value: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}; 0")

    def click(self, selector: str) -> None:
        """Questions that the page asks are answered with yes, and kept in `dialogs`."""
        # Later: an open question would hold up the answer to this.
        self.run(f"setTimeout(() => document.querySelector({json.dumps(selector)}).click(), 0); 0")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _call(self, method: str, **params) -> dict:
        self._number += 1
        number = self._number
        self._send(number, method, params)
        end = time.monotonic() + _SECONDS
        while True:
            message = self._receive(end)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._hear(message)

    def _hear(self, message: dict) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self._number += 1
            self._send(self._number, "Page.handleJavaScriptDialog", {"accept": True})
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(str(params["entry"]))

    def _send(self, number: int, method: str, params: dict) -> None:
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")

    def _receive(self, end: float) -> dict:
        while b"\0" not in self._read:
            assert self._process.poll() is None, "the browser has ended"
            assert time.monotonic() < end, "the browser does not answer"
            try:
                self._read += os.read(self._in, 1 << 20)
            except BlockingIOError:
                time.sleep(0.01)
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)
