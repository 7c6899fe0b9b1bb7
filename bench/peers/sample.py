"""100 digits, DDIM, 50 steps, with diffusers on two threads; prints the seconds of each round."""
import sys
import time

import torch
from diffusers import DDIMScheduler, UNet2DModel

folder, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
unet = UNet2DModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32).eval()
scheduler = DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
labels = torch.arange(10).repeat_interleave(10)


@torch.inference_mode()
def sample(steps):
    scheduler.set_timesteps(steps)
    x = torch.randn((100, 1, 28, 28), generator=torch.Generator().manual_seed(1))
    for t in scheduler.timesteps:
        x = scheduler.step(unet(x, t, class_labels=labels).sample, t, x).prev_sample


sample(2)
print("ready", flush=True)
for _ in range(rounds):
    sys.stdin.readline()
    began = time.perf_counter()
    sample(50)
    print(time.perf_counter() - began, flush=True)
