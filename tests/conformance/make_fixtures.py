"""Regenerates the conformance fixtures with diffusers and PyTorch, from scratch, on a CPU.

    python -m venv venv && venv/bin/pip install diffusers==0.42.1 torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/conformance/make_fixtures.py [noise] [schedulers] [solvers] [levels] [folders] [networks] [files] [--out DIR] [--new-weights]

Without names it makes all seven. A folder's weights are kept as they are in this directory unless
--new-weights draws others: the same weights give the same `io.safetensors`, up to the last digits.
"""

import argparse
import shutil
from importlib.metadata import version
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    UNet2DModel,
)
from level_fixtures import levels
from safetensors.torch import save_file
from scheduler_fixtures import PINNED, randn, schedulers, solvers, walk

HERE = Path(__file__).resolve().parent
FOLDERS = ["plain", "class_conditional", "cifar_style", "learned_variance"]


# --- the noise stream ---------------------------------------------------------------------------


def noise(out):
    def draws(seed, *sizes):
        generator = torch.Generator().manual_seed(seed)
        return [randn(n, generator) for n in sizes]

    save_file(
        {
            "seed0.n16": draws(0, 16)[0],
            "seed0.n784_twice": torch.stack(draws(0, 784, 784)),
            "seed1234567890.n1000": draws(1234567890, 1000)[0],
            "seed3.n5": draws(3, 5)[0],
            # An odd short draw leaves half a pair behind, which the next short draw takes.
            "seed3.n5_3_16_4": torch.cat(draws(3, 5, 3, 16, 4)),
        },
        out / "torch_noise.safetensors",
    )


# --- model folders with random weights ----------------------------------------------------------


def folders(out, new_weights):
    for name in FOLDERS:
        source, target = HERE / name, out / name
        if source != target:
            shutil.copytree(source, target, dirs_exist_ok=True)
        unet = UNet2DModel.from_pretrained(target, subfolder="unet", low_cpu_mem_usage=False).eval()
        if new_weights:
            torch.manual_seed(0)
            unet = UNet2DModel.from_config(unet.config).eval()
            with torch.no_grad():
                for parameter in unet.parameters():  # norms are 1 and 0 otherwise, which hides mistakes
                    parameter.add_(0.05 * torch.randn_like(parameter))
            unet.save_pretrained(target / "unet")
        save_file(io_of(unet, DDPMScheduler.from_pretrained(target, subfolder="scheduler")), target / "io.safetensors")


@torch.no_grad()
def io_of(unet, ddpm):
    config, conditional = unet.config, unet.config.num_class_embeds is not None
    learned = config.out_channels == 2 * config.in_channels
    shape = (config.in_channels, config.sample_size, config.sample_size)
    sample = randn((3, *shape), torch.Generator().manual_seed(7))
    timesteps = torch.tensor([0, 417, 999])
    tensors = {"unet.sample": sample, "unet.timesteps": timesteps}
    if conditional:
        tensors["unet.class_labels"] = torch.tensor([0, 7, 10])
    labels = tensors.get("unet.class_labels")
    tensors["unet.out"] = unet(sample, timesteps, class_labels=labels).sample.contiguous()

    def model(x, t):
        labels = torch.full((x.shape[0],), 3) if conditional else None
        return unet(x, t, class_labels=labels).sample

    loops = {"ddpm_20": (ddpm, 20, {})}
    if not learned:
        loops |= {
            "ddim_10_eta0": (DDIMScheduler(), 10, {"eta": 0.0}),
            "ddim_10_eta1": (DDIMScheduler(), 10, {"eta": 1.0}),
            "dpmpp2m_10": (DPMSolverMultistepScheduler(), 10, {}),
            "ddpm_20_cosine": (
                DDPMScheduler(beta_schedule="squaredcos_cap_v2", variance_type="fixed_large"),
                20,
                {},
            ),
        }
    for name, (scheduler, steps, step_options) in loops.items():
        scheduler.set_timesteps(steps)
        generator = torch.Generator().manual_seed(11)
        x = randn((2, *shape), generator)
        tensors[f"{name}.trajectory"] = walk(scheduler, model, x, generator, **step_options)
        tensors[f"{name}.timesteps"] = scheduler.timesteps.to(torch.int64)
    return tensors


# --- tiny networks of every kind of block and embedding ---------------------------------------------

SKIP = {
    "norm_num_groups": None,
    "mid_block_scale_factor": 2**0.5,
    "down_block_types": ("SkipDownBlock2D", "SkipDownBlock2D"),
    "up_block_types": ("SkipUpBlock2D", "SkipUpBlock2D"),
}
NETWORKS = {
    "gelu": {"act_fn": "gelu", "time_embedding_dim": 12, "resnet_time_scale_shift": "scale_shift"},
    "relu": {"act_fn": "relu", "mid_block_type": None},
    "mish": {"act_fn": "mish", "class_embed_type": "timestep"},
    "identity": {"class_embed_type": "identity"},
    "resnet": {
        "block_out_channels": (4, 8, 8),
        "downsample_type": "resnet",
        "upsample_type": "resnet",
        "down_block_types": ("ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("ResnetUpsampleBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    },
    "fourier": {"time_embedding_type": "fourier", "class_embed_type": "timestep"},
    "skip": SKIP | {"block_out_channels": (8, 16), "time_embedding_type": "fourier"},
    # Attention has 32 groups there, and the residual blocks' own need widths that those divide.
    "attn_skip": SKIP
    | {
        "block_out_channels": (32, 32),
        "mid_block_type": None,
        "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D"),
        "up_block_types": ("AttnSkipUpBlock2D", "SkipUpBlock2D"),
    },
}


@torch.no_grad()
def networks(out):
    """`networks/`: each network's configuration, its weights in half precision, and one call in single precision."""
    for name, changes in NETWORKS.items():
        torch.manual_seed(0)
        unet = UNet2DModel(
            **{
                "sample_size": 8,
                "layers_per_block": 1,
                "norm_num_groups": 2,
                "block_out_channels": (4, 8),
                "attention_head_dim": 4,
                "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
                "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            }
            | changes
        ).eval()
        for parameter in unet.parameters():  # norms are 1 and 0 otherwise, which hides mistakes
            parameter.add_(0.05 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
        target = out / "networks" / name
        target.mkdir(parents=True, exist_ok=True)
        unet.save_config(target)
        state = {key: value.half().contiguous() for key, value in unet.state_dict().items()}
        save_file(state, target / "weights.safetensors")
        sample = randn((3, 3, 8, 8), torch.Generator().manual_seed(7))
        # The logarithm of a Fourier embedding wants timesteps and labels above 0.
        tensors = {"unet.sample": sample, "unet.timesteps": torch.tensor([3, 417, 999])}
        kind = unet.config.class_embed_type
        if kind == "timestep":
            tensors["unet.class_labels"] = torch.tensor([1, 7, 10])
        labels = tensors.get("unet.class_labels")
        if kind == "identity":
            labels = torch.zeros(3, 16)
        tensors["unet.out"] = unet(sample, tensors["unet.timesteps"], class_labels=labels).sample.contiguous()
        save_file(tensors, target / "io.safetensors")


# --- files of weights, in every form that PyTorch and diffusers write them -------------------------


def files(out):
    """`files/`: a tiny U-Net as one file of each kind, and tensors of every kind in two files of PyTorch's."""
    out = out / "files"
    out.mkdir(exist_ok=True)
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        norm_num_groups=4,
        block_out_channels=(4, 8),
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    pipeline = DDPMPipeline(unet=unet, scheduler=DDPMScheduler())
    for name, how in {
        "safetensors": {},
        "bin": {"safe_serialization": False},
        "sharded": {"max_shard_size": "16KB"},
        "sharded_bin": {"max_shard_size": "16KB", "safe_serialization": False},
    }.items():
        shutil.rmtree(out / name, ignore_errors=True)
        pipeline.save_pretrained(out / name, **how)
    state = unet.state_dict()
    legacy = {"_use_new_zipfile_serialization": False}
    torch.save(state, out / "legacy.bin", **legacy)
    torch.save(dict(unet.named_parameters()), out / "parameters.pt")
    average = {name: value + 1 for name, value in state.items()}
    optimizer = torch.optim.AdamW(unet.parameters()).state_dict()
    torch.save({"model": state, "ema": average, "optimizer": optimizer, "epoch": 3}, out / "checkpoint.ckpt")
    both = {f"ema_model.{name}": value + 1 for name, value in state.items()}
    both |= {f"online_model.{name}": value for name, value in state.items()} | {"step": torch.tensor(7)}
    torch.save(both, out / "averaged.pt")
    save_file({f"module._orig_mod.{name}": value for name, value in state.items()}, out / "wrapped.safetensors")
    save_file({name: value.double() for name, value in state.items()}, out / "double.safetensors")

    whole = torch.arange(24.0).reshape(2, 3, 4)
    views = {
        "whole": whole,
        "transposed": whole.transpose(0, 2),
        "strided": whole[:, ::2, 1:],
        "repeated": whole[0, 0, :1].expand(5),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "f64": whole.double(),
        "f16": whole.half(),
        "bf16": whole.bfloat16(),
        "i64": whole.long(),
    }
    torch.save(views, out / "views.pt")
    torch.save(views, out / "views_legacy.pt", **legacy)
    save_file({name: value.contiguous().clone() for name, value in views.items()}, out / "views.safetensors")

    four = UNet2DModel.from_config({**unet.config, "in_channels": 4, "out_channels": 4})
    four.save_pretrained(out / "four_channels" / "unet")
    DDPMScheduler().save_pretrained(out / "four_channels" / "scheduler")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="noise|schedulers|solvers|levels|folders|networks|files")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--new-weights", action="store_true")
    arguments = parser.parse_args()
    for package, wanted in PINNED.items():
        found = version(package).split("+")[0]
        if found != wanted:
            parser.error(f"{package} {found} is installed, the fixtures are made with {wanted}")
    torch.set_grad_enabled(False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    everything = {"noise", "schedulers", "solvers", "levels", "folders", "networks", "files"}
    parts = set(arguments.parts) or everything
    if parts - everything:
        parser.error(f"there is no part {', '.join(parts - everything)}")
    if "noise" in parts:
        noise(arguments.out)
    if "schedulers" in parts:
        schedulers(arguments.out)
    if "solvers" in parts:
        solvers(arguments.out)
    if "levels" in parts:
        levels(arguments.out)
    if "folders" in parts:
        folders(arguments.out, arguments.new_weights)
    if "networks" in parts:
        networks(arguments.out)
    if "files" in parts:
        files(arguments.out)


if __name__ == "__main__":
    main()
