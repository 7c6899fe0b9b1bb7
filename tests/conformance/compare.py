"""Walks model folders with diffusers and with `walkback sample`, from the same noise, and compares every step.

    venv/bin/python tests/conformance/compare.py target/release/walkback DIR [NAME ...]
    venv/bin/python tests/conformance/compare.py target/release/walkback --random 20 [--seed S]

The folders in DIR are such as save_pretrained writes. With --random, networks and schedulers are drawn instead, saved and
compared; a seed draws the same ones again. Ends with 1 if any walk differs by more than 2e-3 of its largest value, or fails.
What walkback refuses as not supported is printed, once for each folder. Needs what make_fixtures.py needs.

Heun's walks are diffusers' in double precision. Where a chain starts at sigma = 20,000, as on the cosine schedule, its
second evaluation multiplies the rounding of x_0 + sigma eps by sigma / (2 sigma'), and single precision is 0.4 away from
that. `--single` compares with it all the same.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EDMDPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    UNet2DModel,
    UniPCMultistepScheduler,
)
from safetensors.torch import load_file

TOLERANCE = 2e-3
STEPS = 8
SEED = 5
# On the axis of sigma / alpha, states are x_0 + sigma eps; walkback keeps x_t.
ON_SIGMA = ("euler", "euler_a", "heun")
SAMPLERS = {
    "ddpm": (DDPMScheduler, [], {}),
    "ddim": (DDIMScheduler, [], {}),
    "ddim_eta1": (DDIMScheduler, ["--sampler", "ddim", "--eta", "1"], {"eta": 1.0}),
    "dpm++": (DPMSolverMultistepScheduler, [], {}),
    "euler": (EulerDiscreteScheduler, [], {}),
    "euler_a": (EulerAncestralDiscreteScheduler, [], {}),
    "heun": (HeunDiscreteScheduler, [], {}),
    "unipc": (UniPCMultistepScheduler, [], {}),
}


SCORE = "ScoreSdeVeScheduler"
# These state noise levels and how the network is asked there; each walks with its own sampler.
EDM = {"EDMEulerScheduler": EDMEulerScheduler, "EDMDPMSolverMultistepScheduler": EDMDPMSolverMultistepScheduler}


def scheduler_of(config, sampler, spacing):
    """The scheduler of diffusers that the sampler is compared with, set as walkback sets it."""
    if config["_class_name"] in EDM:
        return EDM[config["_class_name"]].from_config(config)
    if config["_class_name"] == SCORE:
        # Its own sampler is not built. EDM's Euler walks its noise levels, too.
        return EDMEulerScheduler(
            sigma_schedule="exponential", sigma_min=config["sigma_min"], sigma_max=config["sigma_max"]
        )
    cls = SAMPLERS[sampler][0]
    changes = {"timestep_spacing": spacing}
    if sampler == "dpm++":
        changes |= {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"}
        if config.get("beta_schedule") == "squaredcos_cap_v2" and config.get("lambda_min_clipped") is None:
            changes["lambda_min_clipped"] = -5.1
    if sampler == "unipc":
        changes |= {"solver_type": "bh2", "predict_x0": True}
    scheduler = cls.from_config(config, **changes)
    if sampler == "heun" and config.get("rescale_betas_zero_snr"):
        # This class has no such switch, and would walk on another schedule than the model was trained on.
        scheduler.alphas_cumprod = EulerDiscreteScheduler.from_config(config).alphas_cumprod
    return scheduler


@torch.no_grad()
def by_diffusers(unet, scheduler, sampler, size, label, precision=torch.float32, score=False):
    """Every state as walkback keeps it, x_T first."""
    flow = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
    scheduler.set_timesteps(STEPS)
    if precision == torch.float64:
        scheduler.sigmas = scheduler.sigmas.double()
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn((2, unet.config.in_channels, *size), generator=generator).to(precision)
    x = noise * (scheduler.config.sigma_max if score else 1 if flow else scheduler.init_noise_sigma)

    on_sigma = sampler in ON_SIGMA or isinstance(scheduler, tuple(EDM.values()))

    def kept(x, i):
        sigma = scheduler.sigmas[i] if flow or on_sigma else 0
        if flow:
            return x / ((1 - sigma) ** 2 + sigma**2) ** 0.5
        return x / (1 + sigma**2) ** 0.5

    labels = None
    if label is not None:
        labels = torch.full((2,), label)
    elif unet.config.class_embed_type == "identity":
        labels = torch.zeros(2, unet.time_embedding.linear_2.out_features, dtype=precision)
    states = [kept(x, 0)]
    for i, t in enumerate(scheduler.timesteps):
        given = x if flow else scheduler.scale_model_input(x, t)
        options = dict(SAMPLERS[sampler][2]) if not flow else {}
        if score:
            sigma = scheduler.sigmas[i]
            output = x + sigma**2 * unet(x, sigma, class_labels=labels).sample
            options["pred_original_sample"] = output
        else:
            output = unet(given, t.to(precision), class_labels=labels).sample
        if sampler in ("ddpm", "ddim", "ddim_eta1", "euler_a"):
            options["generator"] = generator
        x = scheduler.step(output, t, x, **options).prev_sample
        states.append(kept(x, i + 1))
    return torch.stack(states)


def by_walkback(binary, folder, sampler, spacing, size, label, given_size):
    with tempfile.TemporaryDirectory() as scratch:
        command = [binary, "sample", "--model", folder, "--count", 2, "--seed", SEED, "--steps", STEPS]
        command += ["--out", f"{scratch}/grid.png", "--raw", f"{scratch}/raw.safetensors"]
        command += SAMPLERS[sampler][1] or ["--sampler", sampler]
        command += ["--spacing", spacing] if spacing else []
        command += ["--label", label] if label is not None else []
        command += ["--size", f"{size[0]}x{size[1]}"] if given_size else []
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
        return load_file(f"{scratch}/raw.safetensors")["trajectory"].float()


def compare(binary, folder, samplers=None, single=False):
    """Prints a line for each sampler; returns how many walks differ."""
    name = folder.name
    subfolder = "unet" if (folder / "unet").is_dir() else None
    try:
        unet = UNet2DModel.from_pretrained(folder, subfolder=subfolder, torch_dtype=torch.float32).eval()
        if any(parameter.is_meta for parameter in unet.parameters()):
            raise KeyError("weights under other names")
    except Exception as error:  # renamed, prefixed or missing weights, which diffusers does not look for
        said = by_walkback(binary, folder, "ddpm", None, (32, 32), None, False)
        opened = "walkback opens it" if torch.is_tensor(said) else said
        print(f"{name:22} diffusers: {type(error).__name__}; {opened}")
        return 0
    path = folder / ("scheduler" if (folder / "scheduler").is_dir() else "") / "scheduler_config.json"
    config = json.loads(path.read_text())
    flow = config["_class_name"] == "FlowMatchEulerDiscreteScheduler"
    if unet.config.class_embed_type == "timestep":  # the sinusoids of labels are always of single precision
        unet.class_embedding.register_forward_pre_hook(lambda layer, given: given[0].to(layer.linear_1.weight.dtype))
    given_size = unet.config.sample_size is None
    size = unet.config.sample_size or 32
    size = tuple(size) if isinstance(size, (list, tuple)) else (size, size)
    label = 1 if unet.config.num_class_embeds or unet.config.class_embed_type == "timestep" else None
    wrong = 0
    score = config["_class_name"] == SCORE
    if flow or score or config["_class_name"] == "EDMEulerScheduler":
        samplers = ["euler"]
    elif config["_class_name"] == "EDMDPMSolverMultistepScheduler":
        samplers = ["dpm++"]
    for sampler in samplers or SAMPLERS:
        # ln 0 is no number, and trailing does not visit 0. DPM-Solver++ is spaced evenly whatever the file says.
        fourier = unet.config.time_embedding_type == "fourier" and not score
        spacing = "trailing" if fourier else "linspace" if sampler in ("dpm++", "unipc") else None
        stated = spacing or config.get("timestep_spacing") or SPACING.get(config["_class_name"], "leading")
        try:
            scheduler = (
                FlowMatchEulerDiscreteScheduler.from_config(config)
                if flow
                else scheduler_of(config, sampler, stated)
            )
            precision = torch.float64 if sampler == "heun" and not single else torch.float32
            unet = unet.to(precision)
            theirs = by_diffusers(unet, scheduler, sampler, size, label, precision, score).float()
        except Exception as error:
            print(f"{name:22} {sampler:10} diffusers: {type(error).__name__}: {str(error)[:90]}")
            continue
        ours = by_walkback(binary, folder, sampler, spacing, size, label, given_size)
        if not torch.is_tensor(ours):
            print(f"{name:22} {sampler:10} {ours}")
            if "is not supported" in ours:
                break
            wrong += 1
            continue
        if ours.shape != theirs.shape:
            print(f"{name:22} {sampler:10} SHAPE {tuple(ours.shape)} {tuple(theirs.shape)}")
            wrong += 1
            continue
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        fine = error < TOLERANCE
        wrong += not fine
        print(f"{name:22} {sampler:10} {'ok  ' if fine else 'DIFF'} {error:.1e}", flush=True)
    return wrong


# The timestep_spacing of classes whose files may leave it out.
SPACING = {
    "EulerDiscreteScheduler": "linspace",
    "EulerAncestralDiscreteScheduler": "linspace",
    "HeunDiscreteScheduler": "linspace",
    "DPMSolverMultistepScheduler": "linspace",
    "UniPCMultistepScheduler": "linspace",
}

DOWN = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D", "SkipDownBlock2D", "AttnSkipDownBlock2D"]
UP = {
    "DownBlock2D": "UpBlock2D",
    "AttnDownBlock2D": "AttnUpBlock2D",
    "ResnetDownsampleBlock2D": "ResnetUpsampleBlock2D",
    "SkipDownBlock2D": "SkipUpBlock2D",
    "AttnSkipDownBlock2D": "AttnSkipUpBlock2D",
}


def random_model(draw, folder):
    """A network and a scheduler out of everything that diffusers builds, saved as its pipeline does."""
    levels = draw.randint(1, 3)
    skip = draw.random() < 0.2
    kinds = DOWN[3:] if skip else DOWN[:3]
    down = [draw.choice(kinds) for _ in range(levels)]
    kept = (lambda kind: UP[kind]) if skip else (lambda kind: UP[draw.choice(DOWN[:3])] if draw.random() < 0.2 else UP[kind])
    groups = 32 if skip else draw.choice([4, 8, 16])
    widths = [groups * draw.randint(1, 3) for _ in range(levels)]
    channels = draw.choice([1, 3, 4])
    side = 2 ** (levels - 1)
    config = dict(
        sample_size=[side * draw.randint(3, 6), side * draw.randint(3, 6)],
        in_channels=channels,
        out_channels=channels,
        layers_per_block=draw.randint(1, 3),
        block_out_channels=widths,
        down_block_types=down,
        up_block_types=[kept(kind) for kind in reversed(down)],
        norm_num_groups=groups,
        norm_eps=draw.choice([1e-5, 1e-6]),
        act_fn=draw.choice(["silu", "gelu", "relu", "mish"]),
        attention_head_dim=draw.choice([None, 4]) if not skip else 8,
        downsample_padding=draw.choice([0, 1]),
        downsample_type=draw.choice(["conv", "resnet"]),
        upsample_type=draw.choice(["conv", "resnet"]),
        mid_block_scale_factor=draw.choice([1, 2**0.5]),
        resnet_time_scale_shift=draw.choice(["default", "scale_shift"]),
        add_attention=draw.random() < 0.7,
        mid_block_type=draw.choice(["UNetMidBlock2D", "UNetMidBlock2D", None]),
        time_embedding_type=draw.choice(["positional", "positional", "fourier"]),
        time_embedding_dim=draw.choice([None, 48]),
        freq_shift=draw.choice([0, 1]),
        flip_sin_to_cos=draw.random() < 0.5,
        center_input_sample=draw.random() < 0.3,
        num_class_embeds=draw.choice([None, None, 5]),
        dropout=draw.choice([0.0, 0.1]),
    )
    if config["num_class_embeds"] is None:
        config["class_embed_type"] = draw.choice([None, None, "timestep", "identity"])
    unet = UNet2DModel(**config).eval()
    with torch.no_grad():
        for parameter in unet.parameters():  # norms are 1 and 0 otherwise, which hides mistakes
            parameter.add_(0.05 * torch.randn_like(parameter))
        side = torch.zeros(1, channels, *config["sample_size"])
        labels = torch.zeros(1, dtype=torch.long)
        if config.get("class_embed_type") == "identity":
            labels = torch.zeros(1, unet.time_embedding.linear_2.out_features)
        unet(side, 10, class_labels=labels if unet.class_embedding is not None else None)
    shared = dict(
        num_train_timesteps=draw.choice([200, 1000]),
        beta_schedule=draw.choice(["linear", "scaled_linear", "squaredcos_cap_v2"]),
        prediction_type=draw.choice(["epsilon", "sample", "v_prediction"]),
        timestep_spacing=draw.choice(["leading", "linspace", "trailing"]),
    )
    cls = draw.choice([value[0] for value in SAMPLERS.values()] + [FlowMatchEulerDiscreteScheduler])
    scheduler = cls(shift=draw.choice([1.0, 3.0])) if cls is FlowMatchEulerDiscreteScheduler else cls(**shared)
    DDPMPipeline(unet=unet, scheduler=scheduler).save_pretrained(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samplers", help="only these, with commas between")
    parser.add_argument("--single", action="store_true", help="compare Heun with single precision, too")
    arguments = parser.parse_args()
    samplers = arguments.samplers and arguments.samplers.split(",")
    wrong = 0
    if arguments.folder:
        names = arguments.names or sorted(path.name for path in arguments.folder.iterdir() if path.is_dir())
        wrong += sum(compare(arguments.binary, arguments.folder / name, samplers, arguments.single) for name in names)
    draw = random.Random(arguments.seed)
    torch.manual_seed(arguments.seed)
    made = 0
    while made < arguments.random:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / f"random_{arguments.seed}_{made}"
            try:
                random_model(draw, folder)
            except Exception as error:  # a combination that diffusers does not build either
                print(f"not built by diffusers: {type(error).__name__}: {str(error)[:80]}")
                continue
            wrong += compare(arguments.binary, folder, samplers, arguments.single)
            made += 1
    print(f"{wrong} walks differ" if wrong else "every walk is diffusers'")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
