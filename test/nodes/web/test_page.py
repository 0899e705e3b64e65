"""Test the page in a real Chromium: fed by a hub, and by real nodes in processes of their own."""

import asyncio
import threading
import time

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp")

import chromium
import cv2
import numpy as np
from chromium import Chromium
from web_readings import (
    camera_status,
    diagnostic_status,
    person,
    person_3d,
    person_array,
    person_array_3d,
)

from pose_estimation_ros.nodes.web.readings import result_reading, space_reading, status_reading

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="needs chromium")
PHONE, DESK = (360, 740), (1280, 800)
DRAWN = "document.querySelector('[data-camera=\"%s\"] canvas')?.dataset.pictures >= %d"
EVIL = "<img src=x onerror=\"document.title='evil'\"><b>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.stop()


@pytest.fixture
def feed(hub):
    """Return a function that begins to feed the hub ten times a second with what a function of the count puts."""
    ended, threads = threading.Event(), []

    def begin(put):
        def repeat():
            count = 0
            while not ended.wait(0.1):
                put(count)
                count += 1

        threads.append(threading.Thread(target=repeat))
        threads[-1].start()

    yield begin
    ended.set()
    for thread in threads:
        thread.join()


def visit(browser, url, size, steps, dark=False):
    """Open the page and take the steps, a coroutine of the page; nothing may be wrong in the console."""

    async def go():
        async with browser.page(*size, dark=dark) as page:
            await page.open(url)
            await steps(page)
            return page.complaints

    return asyncio.run(asyncio.wait_for(go(), 120))


def text_of(selector):
    return "document.querySelector('%s')?.textContent" % selector


def jpeg(value):
    return cv2.imencode(".jpg", np.full((60, 80, 3), value % 256, np.uint8))[1].tobytes()


async def no_sideways_scroll(page, width):
    assert await page.value("document.documentElement.scrollWidth") == width == await page.value("innerWidth")


@pytest.mark.parametrize("size, dark", [(PHONE, True), (DESK, False)])
def test_without_a_node_the_page_says_what_to_start(serve, hub, browser, size, dark):
    hub.set_cameras({})

    async def steps(page):
        await page.wait_for("!document.getElementById('notice').hidden")
        assert "ros2 run pose_estimation_ros pose_node" in await page.value(text_of("#notice"))
        assert await page.value(text_of("#connection")) == "Connected"
        await no_sideways_scroll(page, size[0])
        background = await page.value("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(14, 18, 22)") == dark

    assert visit(browser, serve().url, size, steps, dark) == []


def test_two_cameras_on_a_phone(serve, hub, browser, feed):
    hub.set_cameras({"/left/": "pose_node", "/right/": "pose_node"})

    def put(count):
        hub.put_result("/left/", result_reading(person_array(person(1), person(2, 1, 0.5), age_ms=40 + count % 9)))
        hub.put_space("/left/", space_reading(person_array_3d(person_3d(1, (0, 0, 2.5)), person_3d(2, source=2))))
        hub.put_result("/right/", result_reading(person_array()))
        for name in ("/left/", "/right/"):
            hub.put_picture(name, jpeg(count))
        hub.put_statuses([status_reading(camera_status(topic="/right/image", level=b"\1", message="late (remedy: x)"))])

    async def steps(page):
        await page.wait_for(DRAWN % ("/left/", 3))
        rows = "[...document.querySelectorAll('[data-camera=\"/left/\"] tbody tr')].map(row => row.innerText)"
        assert await page.value(rows) == [
            "1\tconfirmed\t90 %\t2.50 m\t0.5 m/s",
            "2\ttentative\t50 %\t≈ 2.00 m\t0.5 m/s",
        ]
        await no_sideways_scroll(page, PHONE[0])
        await page.value("document.querySelector('[data-camera=\"/right/\"]').scrollIntoView()")
        await page.wait_for(DRAWN % ("/right/", 3))
        await page.wait_for("!document.querySelector('[data-camera=\"/right/\"] .nobody').hidden")
        assert await page.wait_for(text_of('[data-camera="/right/"] .problem')) == "late (remedy: x)"
        await page.wait_for("document.querySelector('[data-camera=\"/right/\"] .curve').getAttribute('d').length > 20")
        await page.wait_for("document.title === '2 people'")

    feed(put)
    assert visit(browser, serve().url, PHONE, steps) == []


def test_only_cameras_in_sight_are_watched(serve, hub, browser, feed):
    names = ["/c%d/" % index for index in range(6)]
    hub.set_cameras({name: "pose_node" for name in names})

    async def steps(page):
        await page.wait_for(DRAWN % ("/c0/", 1))
        assert "/c0/" in hub.watched() and "/c5/" not in hub.watched()
        await page.value("document.querySelector('[data-camera=\"/c5/\"]').scrollIntoView()")
        await page.wait_for(DRAWN % ("/c5/", 1))
        while "/c0/" in hub.watched():
            await asyncio.sleep(0.05)

    feed(lambda count: [hub.put_picture(name, jpeg(count)) for name in names])
    visit(browser, serve().url, PHONE, steps)


def test_texts_from_the_network_stay_texts(serve, hub, browser):
    hub.set_cameras({"/": EVIL})
    reading = result_reading(person_array(*[person(index) for index in range(80)]))
    hub.put_result("/", dict(reading, skeleton=EVIL, frame_id=EVIL))
    hub.put_picture("/", b"\xff\xd8\xff no picture at all")
    statuses = [camera_status(EVIL, level=b"\2", message=EVIL * 30), diagnostic_status(EVIL, b"\2", EVIL, k=EVIL)]
    hub.put_statuses([status_reading(status) for status in statuses])

    async def steps(page):
        await page.wait_for("!document.getElementById('others').hidden")
        await page.value("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        await page.wait_for("document.querySelectorAll('tbody tr').length === 50")
        assert "30 more" in await page.value(text_of(".footnote"))
        assert await page.value("document.images.length") == 1 and await page.value("document.title") != "evil"
        await no_sideways_scroll(page, PHONE[0])

    assert visit(browser, serve().url, PHONE, steps) == []


def test_old_data_is_grey_and_a_server_that_comes_back_is_found(serve, hub, browser):
    hub.put_result("/", result_reading(person_array(person())))
    hub.put_picture("/", jpeg(9))
    first = serve()
    port = int(first.url.rsplit(":", 1)[1].strip("/"))

    async def steps(page):
        await page.wait_for(DRAWN % ("/", 1))
        await page.wait_for("document.querySelector('.camera').classList.contains('stale')")
        await page.wait_for(r"/Last result ([2-9]|\d\d+) s ago/.test(%s)" % text_of("figcaption"))
        await asyncio.get_running_loop().run_in_executor(None, first.stop)
        await page.wait_for("/does not answer/.test(%s)" % text_of("#connection"))
        serve(port=port)
        await page.wait_for(text_of("#connection") + " === 'Connected'")
        hub.put_result("/", result_reading(person_array(person(8))))
        await page.wait_for("/^8/.test(%s)" % text_of("tbody tr"))

    complaints = visit(browser, first.url, DESK, steps)
    assert [text for text in complaints if "WebSocket connection" not in text] == []


def test_one_viewer_too_many_reads_so(serve, browser):
    server = serve(max_viewers=1)

    async def go():
        async with browser.page(*DESK) as first, browser.page(*DESK) as second:
            await first.open(server.url)
            await first.wait_for(text_of("#connection") + " === 'Connected'")
            await second.open(server.url)
            await second.wait_for("/Too many viewers/.test(%s)" % text_of("#connection"))
            await first.open("about:blank")
            await second.wait_for(text_of("#connection") + " === 'Connected'")

    asyncio.run(asyncio.wait_for(go(), 120))


def test_a_hidden_page_is_no_viewer(serve, hub, browser):
    hide = (
        "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )

    async def steps(page):
        for _ in range(2):
            await page.wait_for(text_of("#connection") + " === 'Connected'")
            while hub.viewers() != 1:
                await asyncio.sleep(0.05)
            await page.value(hide % "true")
            while hub.viewers() != 0:
                await asyncio.sleep(0.05)
            assert await page.value(text_of("#connection")) == "Paused"
            await page.value(hide % "false")

    assert visit(browser, serve().url, DESK, steps) == []


def test_real_nodes_that_are_restarted(domain, browser, color_model, walking_clip, ended, tmp_path):
    pytest.importorskip("rclpy", reason="needs ROS")
    from pose_estimation_ros.nodes.demo.processes import NODES, start, start_pose_node, start_video_node, stop

    def pose_node():
        ended.append(start_pose_node({"model": color_model, "detector": "full_frame"}))
        return ended[-1]

    def web_view(port, log):
        with open(str(tmp_path / log), "w") as file:
            ended.append(start(NODES + "web_view", {"port": port}, output=file))
        while "http://" not in (tmp_path / log).read_text():
            time.sleep(0.05)
        return ended[-1], "http:" + (tmp_path / log).read_text().split("http:")[1].split()[0]

    ended.append(start_video_node({"source": str(walking_clip(20, 2))}))
    first, (server, url) = pose_node(), web_view(0, "first.log")
    rate = "parseFloat(%s) > 0" % text_of("[data-figure=rate]")
    drawn = "Number(document.querySelector('canvas').dataset.pictures)"

    async def steps(page):
        await page.wait_for("document.querySelectorAll('tbody tr').length === 1")
        await page.wait_for(rate)
        await page.wait_for(DRAWN % ("/", 3))
        await page.wait_for("/confirmed/.test(%s)" % text_of("tbody tr"))
        age = await page.value(text_of("[data-figure=age]"))
        await page.wait_for("%s !== '%s'" % (text_of("[data-figure=age]"), age))  # numbers move
        stop([first])
        await page.wait_for("/ended or cannot be reached/.test(%s)" % text_of(".problem"))
        await page.wait_for("document.querySelector('.camera').classList.contains('stale')")
        before = await page.value(drawn)
        pose_node()
        await page.wait_for("%s > %d && document.querySelector('.problem').hidden" % (drawn, before + 2))
        await page.wait_for(rate)
        stop([server])
        await page.wait_for("/does not answer/.test(%s)" % text_of("#connection"))
        before = await page.value(drawn)
        web_view(int(url.rsplit(":", 1)[1].strip("/")), "second.log")
        await page.wait_for("%s > %d" % (drawn, before + 2))
        await page.wait_for(rate)

    complaints = visit(browser, url, DESK, steps)
    assert [text for text in complaints if "WebSocket connection" not in text] == []
