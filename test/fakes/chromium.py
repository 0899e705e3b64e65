"""Drive a real Chromium without a window over its DevTools protocol, by aiohttp's own WebSocket client."""

import asyncio
import base64
import contextlib
import itertools
import os
import re
import shutil
import subprocess
import time

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --no-default-browser-check"
FLAGS += " --disable-extensions --disable-background-networking --disable-component-update --hide-scrollbars"
START_S = TIMEOUT_S = 60.0


class Chromium:
    """One browser process; pages are opened by ``page()``."""

    def __init__(self, profile):
        """Start the browser with a new profile in this folder."""
        self._log = open(os.path.join(str(profile), "chromium.log"), "w+b")
        command = [PROGRAM, *FLAGS.split(), "--remote-debugging-port=0", "--user-data-dir=%s" % profile, "about:blank"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, start_new_session=True)
        deadline_s = time.monotonic() + START_S
        while True:
            match = re.search(r"DevTools listening on ws://([\d.:]+)/", self._text())
            if match:
                self._address = match.group(1)
                return
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.stop()
                raise RuntimeError("Chromium did not start: %s" % self._text()[-500:])
            time.sleep(0.05)

    def _text(self):
        with open(self._log.name, errors="replace") as file:
            return file.read()

    @contextlib.asynccontextmanager
    async def page(self, width=1280, height=800, dark=False):
        """Open a tab of this size in CSS pixels; yield it."""
        async with aiohttp.ClientSession() as session:
            async with session.put("http://%s/json/new" % self._address) as answer:
                target = await answer.json()
            url = target["webSocketDebuggerUrl"]
            async with session.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket)
                reader = asyncio.ensure_future(page.read())
                try:
                    await page.set_up(width, height, dark)
                    yield page
                finally:
                    reader.cancel()
                    async with session.get("http://%s/json/close/%s" % (self._address, target["id"])):
                        pass

    def stop(self):
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Page:
    """One tab. ``complaints`` has all errors and warnings of its console and its log, and uncaught exceptions."""

    def __init__(self, socket):
        """Take the DevTools WebSocket of the tab."""
        self.complaints = []
        self._socket, self._numbers, self._answers = socket, itertools.count(1), {}

    async def read(self):
        """Receive answers and events until the tab is closed."""
        async for message in self._socket:
            content = message.json()
            if "id" in content:
                self._answers.pop(content["id"]).set_result(content)
            else:
                self._note(content["method"], content.get("params", {}))

    def _note(self, event, params):
        if event == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(argument.get("value")) for argument in params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])

    async def call(self, method, **params):
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_event_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        content = await asyncio.wait_for(answer, TIMEOUT_S)
        if "error" in content:
            raise RuntimeError("%s: %s" % (method, content["error"]))
        return content["result"]

    async def set_up(self, width, height, dark):
        """Set the size and the colour scheme, and listen to complaints."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(domain + ".enable")
        mobile = width < 600
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url):
        """Go to an address."""
        answer = await self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer["errorText"]

    async def value(self, expression):
        """Return the value of a JavaScript expression."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", expression))
        return result["result"].get("value")

    async def wait_for(self, expression):
        """Wait until a JavaScript expression is true; return its value. It may fail while the page is loading."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            try:
                value = await self.value(expression)
            except RuntimeError as error:
                value = error
            if value and not isinstance(value, RuntimeError):
                return value
            assert time.monotonic() < deadline_s, "waited in vain for %s; complaints: %s" % (
                expression,
                self.complaints,
            )
            await asyncio.sleep(0.05)

    async def picture(self, path, whole=False):
        """Write a screenshot (PNG), of the whole page if so, else of what is in sight."""
        result = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(str(path), "wb") as file:
            file.write(base64.b64decode(result["data"]))
