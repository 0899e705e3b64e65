"""Files as the authors' programs write them: networks that compute with tensors by the authors' names.

The networks here are short functions of their own, written after the papers. A tensor is made at random where a network
first asks for it, so that one run of a network makes the file that belongs to it.
"""

import torch
from torch.nn import functional as F

WIDTH = 8  # of HRNet's 1/4 branch, and of SimpleBaseline's head


class File(dict):
    """Tensors by the authors' names, and the operations that read them."""

    def __init__(self):
        super().__init__()
        self.random = torch.Generator().manual_seed(3)

    def tensor(self, name, *shape):
        if name not in self:
            spread = max(torch.Size(shape[1:]).numel(), 25) ** -0.5
            self[name] = torch.randn(shape, generator=self.random) * spread
        return self[name]

    def conv(self, x, name, outputs, kernel=1, stride=1, depthwise=False, bias=False):
        inputs = 1 if depthwise else x.shape[1]
        weight = self.tensor(name + ".weight", outputs, inputs, kernel, kernel)
        added = self.tensor(name + ".bias", outputs) if bias else None
        return F.conv2d(x, weight, added, stride, kernel // 2, groups=x.shape[1] if depthwise else 1)

    def norm(self, x, name):
        weight, bias, mean = (self.tensor(f"{name}.{part}", x.shape[1]) for part in ("weight", "bias", "running_mean"))
        variance = self.setdefault(name + ".running_var", 0.5 + torch.rand(x.shape[1], generator=self.random))
        self.setdefault(name + ".num_batches_tracked", torch.tensor(5))
        return F.batch_norm(x, mean, variance, weight, bias)

    def double(self, x, name, outputs):
        return F.conv_transpose2d(x, self.tensor(name + ".weight", x.shape[1], outputs, 4, 4), stride=2, padding=1)


def normalised(images):
    """RGB 0..255 as the authors' programs give it to a network."""
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    return (images / 255 - mean) / std


def basic_block(file, x, name):
    y = file.norm(file.conv(x, name + ".conv1", x.shape[1], 3), name + ".bn1").relu()
    return (x + file.norm(file.conv(y, name + ".conv2", x.shape[1], 3), name + ".bn2")).relu()


def bottleneck(file, x, name, width=64, stride=1):
    y = file.norm(file.conv(x, name + ".conv1", width), name + ".bn1").relu()
    y = file.norm(file.conv(y, name + ".conv2", width, 3, stride), name + ".bn2").relu()
    y = file.norm(file.conv(y, name + ".conv3", 4 * width), name + ".bn3")
    if x.shape != y.shape:
        x = file.norm(file.conv(x, name + ".downsample.0", 4 * width, 1, stride), name + ".downsample.1")
    return (x + y).relu()


def path(file, maps, source, target, name):
    """What a branch adds to another one in a fusion."""
    x, width = maps[source], maps[target].shape[1]
    if source == target:
        return x
    if source > target:
        x = file.norm(file.conv(x, name + ".0", width), name + ".1")
        return F.interpolate(x, scale_factor=2 ** (source - target))
    for step in range(target - source):
        is_last = step == target - source - 1
        x = file.conv(x, f"{name}.{step}.0", width if is_last else x.shape[1], 3, 2)
        x = file.norm(x, f"{name}.{step}.1")
        x = x if is_last else x.relu()
    return x


def exchange_unit(file, maps, name, outputs):
    for branch, x in enumerate(maps):
        for block in range(4):
            x = basic_block(file, x, f"{name}.branches.{branch}.{block}")
        maps[branch] = x
    rows = [[path(file, maps, s, t, f"{name}.fuse_layers.{t}.{s}") for s in range(len(maps))] for t in range(outputs)]
    return [sum(row).relu() for row in rows]


def new_branch(file, x, name, width, stride=2):
    return file.norm(file.conv(x, name + ".0", width, 3, stride), name + ".1").relu()


def hrnet_features(file, images, outputs=1):
    """HRNet's map at 1/4, with stages of 1, 2 and 1 exchange units."""
    x = normalised(images)
    for layer in (1, 2):
        x = file.norm(file.conv(x, f"conv{layer}", 64, 3, 2), f"bn{layer}").relu()
    for block in range(4):
        x = bottleneck(file, x, f"layer1.{block}")
    maps = [new_branch(file, x, "transition1.0", WIDTH, 1), new_branch(file, x, "transition1.1.0", 2 * WIDTH)]
    maps = exchange_unit(file, maps, "stage2.0", 2)
    maps.append(new_branch(file, maps[-1], "transition2.2.0", 4 * WIDTH))
    for unit in range(2):
        maps = exchange_unit(file, maps, f"stage3.{unit}", 3)
    maps.append(new_branch(file, maps[-1], "transition3.3.0", 8 * WIDTH))
    return exchange_unit(file, maps, "stage4.0", outputs)[0]


def hrnet(file, images, joints):
    return {"heatmaps": file.conv(hrnet_features(file, images), "final_layer", joints, bias=True)}


def higher_hrnet(file, images, joints):
    x = hrnet_features(file, images)
    maps = file.conv(x, "final_layers.0", 2 * joints, bias=True)
    x = file.double(torch.cat([x, maps], 1), "deconv_layers.0.0.0", WIDTH)
    x = file.norm(x, "deconv_layers.0.0.1").relu()
    for block in range(1, 5):
        x = basic_block(file, x, f"deconv_layers.0.{block}.0")
    heatmaps, tags = maps.split(joints, 1)
    return {"heatmaps": heatmaps, "tags": tags, "heatmaps_2x": file.conv(x, "final_layers.1", joints, bias=True)}


def simple_baseline(file, images, joints):
    """SimpleBaseline on ResNet-50, which its authors trained on BGR pictures, with the statistics of RGB."""
    x = file.norm(file.conv(normalised(images.flip(1)), "conv1", 64, 7, 2), "bn1").relu()
    x = F.max_pool2d(x, 3, 2, 1)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            x = bottleneck(file, x, f"layer{stage + 1}.{block}", 64 * 2**stage, 1 if block or not stage else 2)
    for layer in (0, 3, 6):
        x = file.norm(file.double(x, f"deconv_layers.{layer}", WIDTH), f"deconv_layers.{layer + 1}").relu()
    return {"heatmaps": file.conv(x, "final_layer", joints, bias=True)}


def inverted_residual(file, x, name, width, stride):
    y = file.norm(file.conv(x, name + ".inv.0", 6 * x.shape[1]), name + ".inv.1").clamp(0, 6)
    y = file.conv(y, name + ".depth_conv.0", y.shape[1], 7, stride, depthwise=True)
    y = file.norm(y, name + ".depth_conv.1").clamp(0, 6)
    y = file.norm(file.conv(y, name + ".point_conv.0", width), name + ".point_conv.1")
    return x + y if x.shape == y.shape else y


def separable(file, x, name, outputs):
    y = file.norm(file.conv(x, name + ".conv.0", x.shape[1], 5, depthwise=True), name + ".conv.1").relu()
    return file.conv(y, name + ".conv.3", outputs)


def litepose_xs(file, images, joints):
    x = file.norm(file.conv(normalised(images), "first.0.0", 32, 3, 2), "first.0.1").clamp(0, 6)
    x = file.norm(file.conv(x, "first.1.0", 32, 3, depthwise=True), "first.1.1").clamp(0, 6)
    maps = [file.norm(file.conv(x, "first.2", 16), "first.3")]
    for stage, (width, blocks, stride) in enumerate(((16, 6, 2), (32, 8, 2), (48, 10, 2), (80, 10, 1))):
        x = maps[-1]
        for block in range(blocks):
            x = inverted_residual(file, x, f"stage.{stage}.{block}", width, 1 if block else stride)
        maps.append(x)
    refined, predictions = maps.pop(), []
    for level, width in enumerate((16, 24, 24)):
        raw = maps.pop()
        both = file.double(refined, f"deconv_refined.{level}", width) + file.double(raw, f"deconv_raw.{level}", width)
        refined = file.norm(both, f"deconv_bnrelu.{level}.0").relu()
        if level:
            outputs, number = (2 * joints, 0) if level == 1 else (joints, 1)
            heads = [(refined, f"final_refined.{number}"), (maps[-1], f"final_raw.{number}")]
            predictions.append(sum(separable(file, x, name, outputs) for x, name in heads))
    heatmaps, tags = predictions[0].split(joints, 1)
    return {"heatmaps": heatmaps, "tags": tags, "heatmaps_2x": predictions[1]}


NETWORKS = {
    "hrnet_w32": hrnet,
    "litepose_xs": litepose_xs,
    "higher_hrnet_w32": higher_hrnet,
    "simple_baseline_resnet50": simple_baseline,
}
OPTIONS = {
    "hrnet_w32": {"width": WIDTH, "modules": [1, 2, 1]},
    "higher_hrnet_w32": {"width": WIDTH, "modules": [1, 2, 1]},
    "simple_baseline_resnet50": {"width": WIDTH, "bgr": True},
}
BOTTOM_UP = ("litepose_xs", "higher_hrnet_w32")
IMAGES = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1)).float()


def write_file(model, joints=17):
    """The authors' tensors of a model, and the outputs of their network on IMAGES."""
    file = File()
    outputs = NETWORKS[model](file, IMAGES, joints)
    return dict(file), outputs
