"""Make small valid inputs of every kind, and hostile ones."""

import json
import struct
import zlib

import cv2
import numpy as np

RNG = np.random.RandomState(0)
PICTURE = cv2.resize(RNG.randint(0, 256, (4, 6, 3)).astype(np.uint8), (24, 16))
GREY, DEEP = PICTURE[..., 0], RNG.randint(0, 65536, (16, 24)).astype(np.uint16)
TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # EXIF: held sideways
FORMATS = [
    "jpeg", "png", "", "bgr8; jpeg compressed bgr8", "bayer_rggb8; png compressed bayer_rggb8",
    "bayer_grbg16; png compressed ", "mono16; png compressed ", "16UC1; compressedDepth png", "32FC1; compressedDepth",
    "16UC1; png compressed ", "rgb8; png compressed bgr8",
]  # fmt: skip


def encoded(suffix, image, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, colour, samples, *more, interlaced=0):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    image = chunk(b"IDAT", zlib.compress(samples, 9))
    return b"\x89PNG\r\n\x1a\n" + b"".join([head, *more, image, chunk(b"IEND", b"")])


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def frame_header(marker, width, height):
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


def jpegs():
    plain = encoded(".jpg", PICTURE)
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\0" * 8
    many_scans = segment(0xDB, b"\0" + b"\1" * 64) + frame_header(0xC2, 8192, 4096) + scan * 60
    confused = b"\xff\x01" + frame_header(0xC0, 16000, 16000) + segment(0xFE, frame_header(0xC0, 1, 1)) + scan
    return [
        plain,
        plain + bytes(50),
        plain[: len(plain) // 2],
        encoded(".jpg", GREY, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        plain[:2] + segment(0xE1, b"Exif\0\0" + TURNED) + plain[2:],
        b"\xff\xd8" + confused + b"\xff\xd9",
        b"\xff\xd8" + many_scans + b"\xff\xd9",
    ]


def pngs():
    palette, animation = chunk(b"PLTE", bytes(range(48))), chunk(b"acTL", struct.pack(">II", 2, 0))
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 1, 0, 0))
    return [
        encoded(".png", PICTURE),
        encoded(".png", GREY),
        encoded(".png", DEEP),
        encoded(".png", DEEP >> 4),
        encoded(".png", PICTURE.astype(np.uint16) << 4),
        encoded(".png", np.dstack([PICTURE, GREY])),
        png(4, 4, 4, 3, bytes(12), palette, chunk(b"tRNS", b"\0\1")),
        png(13, 9, 8, 6, bytes(600), interlaced=1),
        png(4, 4, 8, 2, bytes(52), animation, control, chunk(b"fdAT", bytes(20))),
        png(4, 4, 8, 0, bytes(20), chunk(b"eXIf", TURNED), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(10**6)))),
        png(1, 1, 8, 0, bytes(10**7)),
        png(5000, 5000, 16, 0, bytes(100)),
        png(20000, 1600, 1, 0, bytes(2501 * 1600)),
    ]


def other_files():
    return [
        encoded(".bmp", PICTURE),
        encoded(".tiff", PICTURE),
        encoded(".tiff", DEEP),
        encoded(".tiff", PICTURE.astype(np.float32)),
        encoded(".webp", PICTURE),
        encoded(".pgm", GREY),
        encoded(".gif", PICTURE) if int(cv2.__version__.split(".")[0]) > 4 else b"GIF89a",
        encoded(".hdr", PICTURE.astype(np.float32)),
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"P5 30000 30000 255\n",
    ]


def compressed_images():
    return [form.encode() + b"\n" + data for form in FORMATS[:7] for data in jpegs() + pngs()]


def compressed_depth():
    header = struct.pack("<iff", 0, 10100.0, -1009.0)
    return [form.encode() + b"\n" + start + data for form in FORMATS[6:] for start in (b"", header) for data in pngs()]


def cameras():
    """Return calibrations as targets.camera_info() unpacks them."""
    seeds = []
    for model, d in [
        (0, [-0.318536, -0.22327, -0.011478, 0.006962, 0.755028]),
        (1, [-4.8608, 17.28197, 2.0376e-4, 1.0251e-3, -25.17225, -4.943647, 17.514425, -25.29076]),
        (1, [0.1, -0.2, 0.001, 0.002, 0.05, 0, 0, 0, 0.01, 0, -0.02, 0, 0.1, -0.15]),
        (2, [-0.0086, 0.0446, -0.0419, 0.0079]),
        (3, [0.0] * 4),
        (4, []),
    ]:
        k = [428.3, 0, 256.9, 0, 427.5, 236.3, 0, 0, 1]
        seeds.append(struct.pack("<BIIIIIIII9d%dd" % len(d), model, 640, 480, 0, 0, 0, 0, 1, 1, *k, *d))
    return seeds


def person(image_id, number):
    keypoints = [20.0 + number, 30.0, 2] * 17
    return {"id": number, "image_id": image_id, "category_id": 1, "bbox": [10, 10, 60, 60], "area": 3000.0,
            "iscrowd": 0, "num_keypoints": 17, "keypoints": keypoints}  # fmt: skip


def annotations():
    images = [{"id": i, "file_name": "%d.jpg" % i, "width": 100, "height": 100} for i in (1, 2)]
    category = {"id": 1, "name": "person", "keypoints": ["nose"] * 17, "skeleton": []}
    whole = {"images": images, "annotations": [person(1, 1), person(2, 2)], "categories": [category]}
    return [json.dumps(whole).encode(), b"[" * 100000, b'{"images": [], "annotations": []}', b"null", b"\xff"]


def predictions():
    results = [{"image_id": i, "category_id": 1, "keypoints": [1.5, 2, 0.5] * 17, "score": 0.5} for i in (1, 2)]
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    mpii = [{"image_id": 0, "category_id": 1, "keypoints": [1.5, 2, 0.5] * 16, "score": 0.5}]
    return [json.dumps(content).encode() for content in (results, boxes, mpii)] + [b"[" * 100000, b"[]", b"\xff"]


def model_specs():
    spec = {"name": "x", "task": "top_down", "skeleton": "coco17", "input_size_wh": [192, 256], "color_order": "rgb"}
    rest = {"mean": [0.5] * 3, "std": [0.5] * 3, "stride": 4, "decoder": "dark", "padding": 1.25, "sha256": "0" * 64}
    return [json.dumps(dict(spec, **rest)).encode(), b"[" * 100000, b"{}", b"\xff"]


def yaml_files():
    recipe = b"model: elpn_v1\nepochs: 2\ntrain:\n- {annotations: a.json, images: images}\nlosses: {mse: 1}\n"
    options = b"pose_node:\n  ros__parameters:\n    score_threshold: 0.3\n    model: x\n/**:\n  ros__parameters: {}\n"
    bombs = b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", b"&a [*a]", b"? {}\n: 1", b"- !!python/object:os.system"
    dates = b"epochs: 2001-99-99", b"x: 1:99999999999999999999:9", b"lr: .nan", b"\xfc: 1", b"[" * 20000
    return [recipe, options, *bombs, *dates]


YAML_TOKENS = [b": ", b"- ", b"&a ", b"*a", b"!!", b"{", b"}", b"[", b"]", b"|\n", b"'", b'"', b"# ", b"<<: ", b"\t",
               b"%YAML 9", b"---\n", b"...\n", b"2001-99-99", b".inf", b"~", b"!!int 'x'"]  # fmt: skip
JPEG_TOKENS = [b"\xff\xd8", b"\xff\xd9", b"\xff\xda\0\x08", b"\xff\xc0\0\x0b", b"\xff\xc2", b"\xff\x01", b"\xff\xd0",
               b"\xff\xff", b"\xff\0", b"\xff\xdc\0\4"]  # fmt: skip
PNG_TOKENS = [chunk(kind, b"") for kind in (b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"eXIf")]
