"""Training steps of the shipped network in PyTorch: loss, backward, clipping, AdamW, averaged weights; a round is 4 steps."""
import sys
import time

import torch
from diffusers import UNet2DModel

folder, threads, rounds, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
torch.set_num_threads(threads)
unet = UNet2DModel.from_config(UNet2DModel.load_config(folder, subfolder="unet")).train()
optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-3, weight_decay=0.0, eps=1e-8)
average = [p.detach().clone() for p in unet.parameters()]
x, eps = torch.randn(batch, 1, 28, 28), torch.randn(batch, 1, 28, 28)
t, y = torch.randint(0, 1000, (batch,)), torch.randint(0, 11, (batch,))


def step():
    loss = ((unet(x, t, class_labels=y).sample - eps) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        torch._foreach_mul_(average, 0.999)
        torch._foreach_add_(average, [p.detach() for p in unet.parameters()], alpha=0.001)


for _ in range(2):
    step()
print("ready", flush=True)
for _ in range(rounds):
    sys.stdin.readline()
    began = time.perf_counter()
    for _ in range(4):
        step()
    print((time.perf_counter() - began) / 4, flush=True)
