"""Use the services and the page of the node while it works. Each function gets a Rig whose node is at work."""

import asyncio
import os
import re
import threading
import time

import aiohttp
from std_srvs.srv import SetBool

from faults.rig import TIMEOUT_S
from pose_estimation_ros.nodes.demo import processes

ADDRESS = r"http://127\.0\.0\.1:\d+/"
CHECK_S = 0.5


def toggles_enable(rig):
    """Disable the node by its service, see that no image is answered, and enable it, three times."""
    client = rig.node.create_client(SetBool, "pose_node/enable")
    for _ in range(3):
        _ask(rig, client, False)
        rig.spin(CHECK_S, rig.good)  # answers that were on their way
        before = len(rig.answered)
        assert rig.spin(send=rig.good, until=lambda: rig.first_match("OK disabled")), "not reported"
        assert len(rig.answered) == before, "disabled, it answers images"
        _ask(rig, client, True)
        assert rig.recovery_s() is not None, "enabled again, it answers no image"
    rig.node.destroy_client(client)


def _ask(rig, client, wanted):
    assert rig.spin(send=rig.good, until=client.service_is_ready), "no service"
    answer = client.call_async(SetBool.Request(data=wanted))
    assert rig.spin(send=rig.good, until=answer.done), "no answer of the service"
    assert answer.result().success, answer.result().message


def page_is_killed(rig):
    """Watch the page, kill web_view, and watch that of a new one; results and pictures must come each time."""
    for number in range(2):
        path = os.path.join(os.path.dirname(rig.log_path), "web%d.log" % number)
        with open(path, "w") as log:
            web = processes.start(processes.NODES + "web_view", {"port": 0}, output=log)
        try:
            _watch(rig, path)
        finally:
            web.kill()
            web.wait()
        rig.spin(1.0, rig.good)


def _watch(rig, path):
    """Read the address in a log, and send images until a viewer got one with a person and a picture."""

    def address():
        with open(path) as file:
            return re.search(ADDRESS, file.read())

    assert rig.spin(send=rig.good, until=address), "web_view does not start"
    seen = threading.Event()
    viewer = threading.Thread(target=_view, args=(address().group(), seen), daemon=True)
    viewer.start()
    assert rig.spin(send=rig.good, until=seen.is_set), "the page shows no person"
    viewer.join(TIMEOUT_S)


def _view(url, seen):
    """Be a viewer of the page until it shows a person and a picture."""
    asyncio.run(_view_until_seen(url, seen))


async def _view_until_seen(url, seen):
    end_s, cameras, pictures = time.monotonic() + TIMEOUT_S, [], 0
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "live") as socket:
        await socket.receive()
        while time.monotonic() < end_s and not (pictures and any(camera["people"] for camera in cameras)):
            await socket.send_json({"watch": [camera["name"] for camera in cameras]})
            update = await socket.receive_json()
            cameras = (update["state"] or {"cameras": cameras})["cameras"]
            for _ in update["pictures"]:
                await socket.receive()
                pictures += 1
        if time.monotonic() < end_s:
            seen.set()
