"""The rows of `walkback bench` in PyTorch: the same network, eager and compiled."""
import math
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    sys.exit(1)
if not torch.cuda.is_available():
    print("  PyTorch has no CUDA device here")
    sys.exit(0)


class Resnet(nn.Module):
    def __init__(self, c_in, c_out, emb):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.emb = nn.Linear(emb, c_out)
        self.norm2, self.conv2 = nn.GroupNorm(8, c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x))) + self.emb(F.silu(emb))[:, :, None, None]
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.qkv, self.out = nn.GroupNorm(8, c), nn.Linear(c, 3 * c), nn.Linear(c, c)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, dim=2)
        y = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        return x + self.out(y).transpose(1, 2).reshape(n, c, h, w)


class UNet(nn.Module):
    def __init__(self, widths=(32, 64, 96), classes=11):
        super().__init__()
        emb = 4 * widths[0]
        self.time = nn.Sequential(nn.Linear(widths[0], emb), nn.SiLU(), nn.Linear(emb, emb))
        self.label = nn.Embedding(classes, emb)
        self.conv_in = nn.Conv2d(1, widths[0], 3, padding=1)
        self.down, self.downsample, skips = nn.ModuleList(), nn.ModuleList(), [widths[0]]
        c = widths[0]
        for i, width in enumerate(widths):
            self.down.append(Resnet(c, width, emb))
            c = width
            skips.append(c)
            if i + 1 < len(widths):
                self.downsample.append(nn.Conv2d(c, c, 3, stride=2, padding=1))
                skips.append(c)
        self.down_attention, self.mid_attention = Attention(c), Attention(c)
        self.mid = nn.ModuleList([Resnet(c, c, emb), Resnet(c, c, emb)])
        self.up, self.upsample = nn.ModuleList(), nn.ModuleList()
        self.up_attention = nn.ModuleList([Attention(c), Attention(c)])
        for i, width in enumerate(reversed(widths)):
            for _ in range(2):
                self.up.append(Resnet(c + skips.pop(), width, emb))
                c = width
            if i + 1 < len(widths):
                self.upsample.append(nn.Conv2d(c, c, 3, padding=1))
        self.norm_out, self.conv_out = nn.GroupNorm(8, c), nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, x, t, label):
        half = 16
        angle = t[:, None] * torch.exp(-math.log(1e4) * torch.arange(half, device=t.device) / half)[None]
        emb = self.time(torch.cat([angle.sin(), angle.cos()], 1)) + self.label(label)
        x = self.conv_in(x)
        skips = [x]
        for i, block in enumerate(self.down):
            x = block(x, emb)
            if i == 2:
                x = self.down_attention(x)
            skips.append(x)
            if i < 2:
                x = self.downsample[i](x)
                skips.append(x)
        x = self.mid[1](self.mid_attention(self.mid[0](x, emb)), emb)
        for i, block in enumerate(self.up):
            x = block(torch.cat([x, skips.pop()], 1), emb)
            if i < 2:
                x = self.up_attention[i](x)
            if i in (1, 3):
                x = self.upsample[i // 2](F.interpolate(x, scale_factor=2.0))
        return self.conv_out(F.silu(self.norm_out(x)))


def measure(f, seconds=5.0):
    for _ in range(3):
        f()
    torch.cuda.synchronize()
    start, calls = time.time(), 0
    while calls < 3 or time.time() - start < seconds:
        f()
        calls += 1
        if calls % 10 == 0:
            torch.cuda.synchronize()
    torch.cuda.synchronize()
    return (time.time() - start) / calls


def rows(name, compiled):
    net = UNet().cuda()
    run = torch.compile(net) if compiled else net

    def batch(n):
        return torch.randn(n, 1, 28, 28, device="cuda"), torch.rand(n, device="cuda") * 999, torch.arange(n, device="cuda") % 11

    with torch.no_grad():
        x, t, label = batch(1)
        print(f"  {name}: a step at batch 1 {measure(lambda: run(x, t, label).cpu()) * 1e3:.2f} ms", flush=True)
        x, t, label = batch(256)
        print(f"  {name}: sampling at batch 256, 50 steps {256 / 50 / measure(lambda: run(x, t, label)):.1f} images/s", flush=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    average = [p.detach().clone() for p in net.parameters()]
    for n in (64, 256):
        x, t, label = batch(n)
        eps = torch.randn_like(x)

        def step():
            optimizer.zero_grad(set_to_none=True)
            F.mse_loss(run(0.6 * x + 0.8 * eps, t, label), eps).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, list(net.parameters()), 0.001)

        print(f"  {name}: training at batch {n} {n / measure(step):.1f} images/s", flush=True)


print(f"  {torch.cuda.get_device_name()}, torch {torch.__version__}, {sum(p.numel() for p in UNet().parameters())} parameters, float32", flush=True)
rows("eager", False)
try:
    rows("compiled", True)
except Exception as error:  # the compiler needs one of its own
    print(f"  compiled: {type(error).__name__}: {str(error)[:200]}")
