#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `ccstereo bench --full` and `ccstereo-train --benchmark` measure, by
PyTorch on a model of the same shapes (ResNet-18, dim_scale 1, random weights),
eager or compiled, in one of `ccstereo`'s precisions. For holding one against the
other; computes nothing that anyone listens to.

  bench-pytorch.py --mode eager --precision fp16 --json OUT.json
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

WINDOW, BINS, FRAMES, TOKENS = 10080, 257, 64, 98


def conv_norm(i, o, kernel, stride, pad, dilation=1):
    return nn.Sequential(
        nn.Conv2d(i, o, kernel, stride, pad, dilation, bias=False), nn.BatchNorm2d(o))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.first = conv_norm(i, o, 3, stride, 1)
        self.second = conv_norm(o, o, 3, 1, 1)
        self.side = conv_norm(i, o, 1, stride, 0) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.side(x))


class Visual(nn.Module):
    def __init__(self, dim):
        super().__init__()
        widths = [64, 64, 128, 256, 512]
        self.stem = conv_norm(3, 64, 7, 2, 3)
        self.blocks = nn.Sequential(*[
            Block(widths[s] if k == 0 else widths[s + 1], widths[s + 1],
                  2 if s > 0 and k == 0 else 1) for s in range(4) for k in range(2)])
        self.branches = nn.ModuleList(
            [nn.Conv2d(512, 256, 1, bias=False)]
            + [nn.Conv2d(512, 256, 3, 1, d, d, bias=False) for d in (6, 12, 18)])
        self.map_bn = nn.BatchNorm2d(1024)
        self.red = nn.Conv2d(1024, dim, 1, bias=False)
        self.pool = conv_norm(512, 256, 1, 1, 0)
        self.pool_red = nn.Conv2d(256, dim, 1, bias=False)
        self.red_bn = nn.BatchNorm2d(dim)

    def forward(self, frames):
        x = self.blocks(F.max_pool2d(F.relu(self.stem(frames)), 3, 2, 1))
        y = torch.cat([branch(x) for branch in self.branches], 1)
        y = self.red(F.leaky_relu(self.map_bn(y), 0.01))
        pool = F.leaky_relu(self.pool(x.mean((2, 3), keepdim=True)), 0.01)
        return F.leaky_relu(self.red_bn(y + self.pool_red(pool)), 0.01)


class Avad(nn.Module):
    def __init__(self, channels, dim):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.visual = nn.Conv2d(dim, channels, 1)
        self.place_a = nn.Parameter(torch.zeros(1, 64, channels))
        self.place_v = nn.Parameter(torch.zeros(1, TOKENS, channels))
        self.shared = nn.Conv2d(TOKENS, channels, 5, padding=2)
        self.gamma = nn.Conv2d(channels, channels, 5, padding=2)
        self.beta = nn.Conv2d(channels, channels, 5, padding=2)

    def forward(self, x, feature):
        n = self.norm(x)
        a = F.normalize(n.flatten(2).transpose(1, 2) + self.place_a, dim=2)
        v = self.visual(feature).flatten(2).transpose(1, 2) + self.place_v
        score = F.normalize(v, dim=2) @ a.transpose(1, 2)
        h = F.relu(self.shared(score.view(-1, TOKENS, 16, 4)))
        return n * (1 + self.gamma(h)) + self.beta(h)


class Audio(nn.Module):
    def __init__(self, dim, ngf):
        super().__init__()
        wide = [2, ngf, 2 * ngf, 4 * ngf, 8 * ngf, 8 * ngf]
        self.down = nn.ModuleList([
            nn.Sequential(nn.Conv2d(wide[k], wide[k + 1], 4, 2, 1),
                          nn.BatchNorm2d(wide[k + 1]), nn.LeakyReLU(0.2))
            for k in range(5)])
        self.rgb = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.BatchNorm2d(dim), nn.ReLU())
        self.place_v = nn.Parameter(torch.zeros(1, TOKENS, dim))
        self.place_a = nn.Parameter(torch.zeros(1, 16, dim))
        self.cross = nn.MultiheadAttention(dim, 8, batch_first=True)
        self.own = nn.MultiheadAttention(dim, 8, batch_first=True)
        self.ffn = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(3)])
        up = [(8, 8), (16, 4), (8, 2), (4, 1)]
        self.up = nn.ModuleList([
            nn.ConvTranspose2d(i * ngf, o * ngf, 4, 2, 1) for i, o in up]
            + [nn.ConvTranspose2d(2 * ngf, 2, 4, 2, 1)])
        self.avad = Avad(8 * ngf, dim)
        self.up_norms = nn.ModuleList([nn.BatchNorm2d(o * ngf) for _, o in up[1:]])
        self.register_buffer("hann", F.pad(torch.hann_window(400), (56, 56)))

    def fuse(self, x, feature):
        a = x.flatten(2).transpose(1, 2)
        v = self.rgb(feature).flatten(2).transpose(1, 2)
        a = self.norms[0](a + self.cross(a + self.place_a, v + self.place_v, v,
                                         need_weights=False)[0])
        q = a + self.place_a
        a = self.norms[1](a + self.own(q, q, a, need_weights=False)[0])
        a = self.norms[2](a + self.ffn(a))
        return a.transpose(1, 2).view_as(x)

    def forward(self, mix, feature):
        gain = mix.pow(2).mean(1, keepdim=True).sqrt().clamp_min(1e-4) / 0.1
        spectrum = torch.stft(mix / gain, 512, 160, 512, self.hann, pad_mode="constant",
                              return_complex=True)
        x = torch.view_as_real(spectrum).permute(0, 3, 1, 2)
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        x = self.fuse(x, feature)
        for k in range(4):
            x = self.up[k](x)
            x = F.relu(self.avad(x, feature) if k == 0 else self.up_norms[k - 1](x))
            x = torch.cat([x, skips[3 - k]], 1)
        mask = 2 * torch.sigmoid(self.up[4](x).float()) - 1
        mask = F.interpolate(mask, (BINS, FRAMES), mode="bilinear", align_corners=True)
        mask = torch.view_as_complex(mask.permute(0, 2, 3, 1).contiguous())
        return gain * torch.istft(spectrum * mask, 512, 160, 512, self.hann, length=WINDOW)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.audio = Visual(128), Audio(128, 16)

    def forward(self, frames, mix):
        return self.audio(mix, self.visual(frames))


class Bench:
    def __init__(self, device, seconds, precision, mode):
        self.device, self.seconds, self.mode = device, seconds, mode
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
        torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"

    def narrowed(self):
        """Products in 16 bits, where the precision has them."""
        return torch.autocast(torch.device(self.device).type, self.dtype,
                              enabled=self.dtype is not None)

    def parts(self, net):
        both = net.visual, net.audio
        return [torch.compile(part) for part in both] if self.mode == "compiled" else both

    def frames(self, n):
        x = torch.rand(n, 3, 224, 448, device=self.device)
        return x.contiguous(memory_format=torch.channels_last)

    def mix(self, n):
        return 0.6 * torch.rand(n, WINDOW, device=self.device) - 0.3

    def times(self, run):
        """Seconds of repeated runs, after three that warm up."""
        took = []
        for _ in range(3):
            run()
        begin = time.perf_counter()
        while len(took) < 3 or time.perf_counter() - begin < self.seconds:
            self.wait()
            start = time.perf_counter()
            run()
            self.wait()
            took.append(time.perf_counter() - start)
        return sorted(took)

    def wait(self):
        if self.device != "cpu":
            torch.cuda.synchronize()

    def inference(self, net, max_batch):
        visual, audio = self.parts(net)
        figures, feature = {}, visual(self.frames(1)).float().clone()
        frame, mix = self.frames(1), self.mix(1)
        took = self.times(lambda: audio(mix, visual(frame)))
        figures["latency_ms_median"] = 1e3 * statistics.median(took)
        figures["latency_ms_p99"] = 1e3 * took[int(0.99 * (len(took) - 1))]
        for what in ("frames", "windows"):
            best, batch = 0, 1
            while batch <= max_batch:
                if what == "frames":
                    x = self.frames(batch)
                    took = self.times(lambda: visual(x))
                else:
                    x, y = self.mix(batch), feature.expand(batch, -1, -1, -1).contiguous()
                    took = self.times(lambda: audio(x, y))
                best, batch = max(best, batch / statistics.median(took)), 2 * batch
            figures[what + "_per_second"] = best
        return figures

    def training(self, net, batch):
        """Two frames a clip, as with SCL; the loss is a plain one."""
        net.train()
        visual, audio = self.parts(net)
        adam = torch.optim.Adam(net.parameters(), weight_decay=5e-4)
        frames, mix = self.frames(2 * batch), self.mix(batch)

        def step():
            adam.zero_grad(set_to_none=True)
            with self.narrowed():
                both = visual(frames)
                loss = (audio(mix, both[:batch]).pow(2).mean()
                        + both[batch:].float().pow(2).mean())
            loss.backward()
            adam.step()

        return {"training_samples_per_second": batch / statistics.median(self.times(step))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--mode", default="eager", choices=("eager", "compiled"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32", "bf16", "fp16"))
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--max-batch", type=int, default=128)
    parser.add_argument("--training-batch", type=int, default=128, help="0: none")
    parser.add_argument("--json", help="where the figures go")
    args = parser.parse_args()
    bench = Bench(args.device, args.seconds, args.precision, args.mode)
    net = Net().to(args.device, memory_format=torch.channels_last)
    figures = {"torch": torch.__version__, "device": args.device, "mode": args.mode,
               "precision": args.precision}
    with torch.inference_mode(), bench.narrowed():
        figures |= bench.inference(net.eval(), args.max_batch)
    if args.training_batch > 0:
        figures |= bench.training(net, args.training_batch)
    print(json.dumps(figures, indent=2))
    if args.json:
        with open(args.json, "w") as out:
            json.dump(figures, out, indent=2)


if __name__ == "__main__":
    main()
