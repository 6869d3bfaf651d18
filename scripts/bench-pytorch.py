#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `ccstereo bench --full` and `ccstereo-train --benchmark` measure, by
PyTorch on the published net (ResNet-18, dim_scale 1, random weights) and its
published loss, eager or compiled, in one of `ccstereo`'s precisions. PyTorch gets
what it is quick with: channels last, cuDNN's own trials, fused Adam, inputs that
are on the device. For holding one against the other.

  bench-pytorch.py --mode eager --precision fp16 --json OUT.json
"""
import argparse
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

WINDOW, FFT, HOP, BINS, FRAMES, TOKENS = 10080, 512, 160, 257, 64, 98


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
        score = (a @ F.normalize(v, dim=2).transpose(1, 2)).transpose(1, 2)
        h = F.relu(self.shared(score.unflatten(2, x.shape[2:])))
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

    def spectrum(self, sound, pad_mode="constant"):
        """[B,n] -> [B,257,frames,2]"""
        return torch.view_as_real(torch.stft(
            sound, FFT, HOP, FFT, self.hann, pad_mode=pad_mode, return_complex=True))

    def sound(self, spectrum):
        return torch.istft(torch.view_as_complex(spectrum), FFT, HOP, FFT, self.hann,
                           length=WINDOW)

    def encode(self, spectrum):
        skips = [spectrum.permute(0, 3, 1, 2)]
        for layer in self.down:
            skips.append(layer(skips[-1]))
        return skips[1:]

    def fuse(self, x, feature):
        """[B,16,D] from the bottleneck and the picture."""
        a = x.flatten(2).transpose(1, 2)
        v = self.rgb(feature).flatten(2).transpose(1, 2)
        a = self.norms[0](a + self.cross(a + self.place_a, v + self.place_v, v,
                                         need_weights=False)[0])
        q = a + self.place_a
        a = self.norms[1](a + self.own(q, q, a, need_weights=False)[0])
        return self.norms[2](a + self.ffn(a))

    def difference(self, spectrum, skips, fused, feature):
        """Of the ears' spectra: the mix under the mask."""
        x = fused.transpose(1, 2).view_as(skips[-1])
        for k in range(4):
            x = self.up[k](x)
            x = F.relu(self.avad(x, feature) if k == 0 else self.up_norms[k - 1](x))
            x = torch.cat([x, skips[3 - k]], 1)
        mask = 2 * torch.sigmoid(self.up[4](x).float()) - 1
        mask = F.interpolate(mask, (BINS, FRAMES), mode="bilinear", align_corners=True)
        (re, im), (a, b) = spectrum.unbind(3), mask.unbind(1)
        return torch.stack([re * a - im * b, re * b + im * a], 3)

    def forward(self, mix, feature):
        gain = mix.pow(2).mean(1, keepdim=True).sqrt().clamp_min(1e-4) / 0.1
        spectrum = self.spectrum(mix / gain)
        skips = self.encode(spectrum)
        fused = self.fuse(skips[-1], feature)
        return gain * self.sound(self.difference(spectrum, skips, fused, feature))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual, self.audio = Visual(128), Audio(128, 16)


# -- the published loss --------------------------------------------------------


def amp_loss(predicted, truth):
    return (predicted.norm(dim=2) - truth.norm(dim=2)).abs().mean()


def phase_loss(real, generated):
    energy = generated.detach().abs().sum(3)
    bound = 0.2 * energy.mean()
    kept = (energy > bound) & (real.abs().sum(3) > bound)
    angle = [torch.atan2(x[..., 0], x[..., 1]) for x in (real, generated)]
    apart = math.pi - ((angle[0] - angle[1]).abs() - math.pi).abs()
    return torch.where(kept, apart, 0).sum() / kept.sum().clamp_min(1)


def info_nce(fused):
    """Of anchors, positives and negatives [3B,16,D]."""
    z = F.normalize(fused.float().mean(1), dim=1)
    label = torch.arange(len(z), device=z.device)
    label = torch.where(label < len(z) // 3, label + len(z) // 3, label)
    same = label[:, None] == label
    logits = z @ z.T / 0.1
    logits = logits - logits.detach().amax(1, keepdim=True)
    others = torch.where(same, 0, logits.exp()).sum(1, keepdim=True)
    partners = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_prob = logits - torch.log(logits.exp() + others)
    return -(torch.where(partners, log_prob, 0).sum(1) / (partners.sum(1) + 1e-8)).mean()


class Losses(nn.Module):
    """The four terms, their weights in them."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, frames, frames_before, left, right, order):
        audio = self.net.audio
        now, before = self.net.visual(frames), self.net.visual(frames_before)
        shuffled = now.flatten(2)[:, :, order].view_as(now)
        mix = left + right
        spectrum, truth = audio.spectrum(mix), audio.spectrum(left - right)
        skips = audio.encode(spectrum)
        fused = [audio.fuse(skips[-1], feature) for feature in (now, before, shuffled)]
        predicted = audio.difference(spectrum, skips, fused[0], now)
        difference = audio.sound(predicted)
        generated = torch.cat([mix + difference, mix - difference]) / 2
        return (F.mse_loss(predicted, truth), 0.005 * amp_loss(predicted, truth),
                phase_loss(audio.spectrum(torch.cat([left, right]), "reflect"),
                           audio.spectrum(generated, "reflect")),
                0.1 * info_nce(torch.cat(fused)))


# -- measuring -----------------------------------------------------------------


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


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

    def made(self, part):
        return torch.compile(part) if self.mode == "compiled" else part

    def frames(self, n):
        return channels_last(torch.rand(n, 3, 224, 448, device=self.device))

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
        visual, audio = self.made(net.visual), self.made(net.audio)
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
                    x, y = self.mix(batch), channels_last(feature.expand(batch, -1, -1, -1))
                    took = self.times(lambda: audio(x, y))
                best, batch = max(best, batch / statistics.median(took)), 2 * batch
            figures[what + "_per_second"] = best
        return figures

    def training(self, net, batch):
        losses = self.made(Losses(net.train()))
        adam = torch.optim.Adam([{"params": net.visual.parameters(), "lr": 5e-5},
                                 {"params": net.audio.parameters(), "lr": 5e-4}],
                                weight_decay=5e-4, fused=True)
        scaler = torch.amp.GradScaler(self.device, enabled=self.dtype == torch.float16)
        inputs = (self.frames(batch), self.frames(batch), self.mix(batch) / 2,
                  self.mix(batch) / 2, torch.randperm(TOKENS).to(self.device))

        def step():
            adam.zero_grad(set_to_none=True)
            with self.narrowed():
                loss = sum(losses(*inputs))
            scaler.scale(loss).backward()
            scaler.step(adam)
            scaler.update()

        return {"training_samples_per_second": batch / statistics.median(self.times(step))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--mode", default="eager", choices=("eager", "compiled"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32", "bf16", "fp16"))
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--max-batch", type=int, default=256)
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
