"""Regenerates the conformance fixtures with diffusers and PyTorch, from scratch, on a CPU.

    python -m venv venv && venv/bin/pip install diffusers==0.42.1 torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/conformance/make_fixtures.py [noise] [schedulers] [solvers] [levels] [folders] [networks] [files] [--out DIR] [--new-weights]

Without names it makes all seven. A folder's weights are kept as they are in this directory unless
--new-weights draws others: the same weights give the same `io.safetensors`, up to the last digits.
"""

import argparse
import json
import shutil
from importlib.metadata import version
from pathlib import Path

import torch
from diffusers import (
    DDIMInverseScheduler,
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
    ScoreSdeVeScheduler,
    UNet2DModel,
    UniPCMultistepScheduler,
)
from safetensors.torch import load_file, save_file

PINNED = {"diffusers": "0.42.1", "torch": "2.15.0"}
HERE = Path(__file__).resolve().parent
FOLDERS = ["plain", "class_conditional", "cifar_style", "learned_variance"]
CLASSES = {
    "ddpm": DDPMScheduler,
    "ddim": DDIMScheduler,
    "dpm++": DPMSolverMultistepScheduler,
    "ddim_inverse": DDIMInverseScheduler,
}


def randn(shape, generator):
    return torch.randn(shape, generator=generator)


def walk(scheduler, model, x, generator, **step_options):
    """The loop of diffusers' pipelines; every state, x_T first."""
    states = [x.clone()]
    for t in scheduler.timesteps:
        output = model(x, t)
        x = scheduler.step(output, t, x, **step_options, **({"generator": generator} if generator else {})).prev_sample
        states.append(x.clone())
    return torch.stack(states)


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


# --- the schedulers, with a network that is a formula -------------------------------------------


def cases():
    """(name, sampler, scheduler configuration, steps, eta)"""
    ramp = [0.001 + 0.0004 * i for i in range(50)]
    v, x_0 = {"prediction_type": "v_prediction"}, {"prediction_type": "sample"}
    zero_snr = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", **v}
    threshold = {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.5}
    schedules = {
        "linear": {},
        "scaled_linear": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
        "cosine": {"beta_schedule": "squaredcos_cap_v2"},
        "trained": {"trained_betas": ramp, "num_train_timesteps": 50},
        "T4000": {"num_train_timesteps": 4000, "beta_end": 0.005},
        "T1": {"num_train_timesteps": 1, "beta_start": 0.5},
    }
    shared = {
        "v": v,
        "x_0": x_0,
        "linspace": {"timestep_spacing": "linspace"},
        "trailing": {"timestep_spacing": "trailing"},
        "leading": {"timestep_spacing": "leading"},
        "offset": {"timestep_spacing": "leading", "steps_offset": 1},
        "threshold": threshold,
        "zero_snr": zero_snr,
        "zero_snr_epsilon": {"rescale_betas_zero_snr": True, "timestep_spacing": "leading"},
    }
    for sampler in ["ddpm", "ddim", "dpm++"]:
        for name, config in (schedules | shared).items():
            if name != "T1":
                yield f"{sampler}.{name}", sampler, config, 7, 0.0
        yield f"{sampler}.one_step", sampler, {}, 1, 0.0
        yield f"{sampler}.many_steps", sampler, {}, 48, 0.0
        yield f"{sampler}.trailing_48", sampler, {"timestep_spacing": "trailing"}, 48, 0.0
    for sampler in ["ddpm", "ddim"]:
        yield f"{sampler}.T1", sampler, schedules["T1"], 1, 0.0
        yield f"{sampler}.all_steps", sampler, schedules["trained"], 50, 0.0
        yield f"{sampler}.no_clip", sampler, {"clip_sample": False}, 7, 0.0
        yield f"{sampler}.clip_range", sampler, {"clip_sample_range": 0.5}, 7, 0.0
    yield "ddpm.sigmoid", "ddpm", {"beta_schedule": "sigmoid"}, 7, 0.0
    for kind in ["fixed_small_log", "fixed_large", "learned", "learned_range"]:
        for spacing in ["leading", "trailing"]:
            config = {"variance_type": kind, "timestep_spacing": spacing}
            yield f"ddpm.{kind}.{spacing}", "ddpm", config, 7, 0.0
    for eta in [0.3, 1.0]:
        for name in ["linear", "cosine"]:
            yield f"ddim.{name}.eta{eta}", "ddim", schedules[name], 7, eta
        for name in ["v", "trailing", "linspace", "zero_snr", "threshold"]:
            yield f"ddim.{name}.eta{eta}", "ddim", shared[name], 7, eta
    yield "ddim.alpha_0", "ddim", {"set_alpha_to_one": False}, 7, 0.5
    for name, config in {
        "order1": {"solver_order": 1},
        "sigma_min": {"final_sigmas_type": "sigma_min", "lower_order_final": False},
        "sigma_min_lower": {"final_sigmas_type": "sigma_min"},
        "euler_at_final": {"final_sigmas_type": "sigma_min", "lower_order_final": False, "euler_at_final": True},
        "cosine_clipped": {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1},
        "cosine_clipped_trailing": {
            "beta_schedule": "squaredcos_cap_v2",
            "lambda_min_clipped": -5.1,
            "timestep_spacing": "trailing",
        },
    }.items():
        for steps in [7, 16]:
            yield f"dpm++.{name}.{steps}", "dpm++", config, steps, 0.0
    for name in ["linear", "scaled_linear", "cosine"]:
        for spacing in ["leading", "trailing"]:
            config = schedules[name] | {"clip_sample": False, "timestep_spacing": spacing}
            yield f"ddim_inverse.{name}.{spacing}", "ddim_inverse", config, 7, 0.0
    yield "ddim_inverse.v", "ddim_inverse", {"clip_sample": False, **v}, 7, 0.0
    yield "ddim_inverse.alpha_0", "ddim_inverse", {"clip_sample": False, "set_alpha_to_one": False}, 7, 0.0


def formula(variance_type):
    """x t / (t + 1), as in diffusers' own tests; behind it, where it is learned, a variance."""

    def model(x, t):
        prediction = x * t / (t + 1)
        if variance_type == "learned":
            return torch.cat([prediction, 0.01 * x * x], dim=1)
        if variance_type == "learned_range":
            return torch.cat([prediction, torch.sin(3 * x)], dim=1)
        return prediction

    return model


def schedulers(out):
    tensors, index = {}, []
    for name, sampler, config, steps, eta in cases():
        scheduler = CLASSES[sampler](**config)
        scheduler.set_timesteps(steps)
        generator = torch.Generator().manual_seed(5)
        x = randn((2, 1, 4, 4), generator)
        step_options = {"eta": eta} if sampler == "ddim" else {}
        model = formula(config.get("variance_type"))
        if sampler == "ddim_inverse":
            generator = None
        tensors[f"{name}.trajectory"] = walk(scheduler, model, x, generator, **step_options)
        index.append(
            {
                "name": name,
                "sampler": sampler,
                "steps": steps,
                "eta": eta,
                "timesteps": scheduler.timesteps.tolist(),
                # As diffusers saves it, every key written out.
                "config": json.loads(scheduler.to_json_string().replace("-Infinity", '"-Infinity"')),
            }
        )
    for name, config in {
        "linear": {},
        "scaled_linear": {"beta_schedule": "scaled_linear"},
        "squaredcos_cap_v2": {"beta_schedule": "squaredcos_cap_v2"},
        "sigmoid": {"beta_schedule": "sigmoid"},
        "linear_zero_snr": {"rescale_betas_zero_snr": True},
        "squaredcos_cap_v2_zero_snr": {"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": True},
    }.items():
        tensors[f"alphas_cumprod.{name}"] = DDPMScheduler(**config).alphas_cumprod.contiguous()
    lists = []
    for sampler in ["ddpm", "dpm++"]:
        for spacing in ["leading", "linspace", "trailing"]:
            for total in [1000, 300]:
                scheduler = CLASSES[sampler](num_train_timesteps=total, timestep_spacing=spacing)
                for steps in [1, 2, 3, 7, 10, 16, 48, 50, 61, 103, 250, 299]:
                    scheduler.set_timesteps(steps)
                    timesteps = scheduler.timesteps.tolist()
                    lists.append(
                        {"sampler": sampler, "spacing": spacing, "total": total, "steps": steps, "timesteps": timesteps}
                    )
    save_file(tensors, out / "schedulers.safetensors")
    text = {"versions": PINNED, "cases": index, "timesteps": lists}
    (out / "schedulers.json").write_text(json.dumps(text, separators=(",", ":")).replace('},{"name"', '},\n{"name"') + "\n")


# --- samplers on the axis of sigma ----------------------------------------------------------------


SOLVERS = {
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "heun": HeunDiscreteScheduler,
    "unipc": UniPCMultistepScheduler,
}


def solver_cases():
    v = {"prediction_type": "v_prediction"}
    for sampler in SOLVERS:
        for steps in [1, 2, 7, 20]:
            for spacing in ["leading", "linspace", "trailing"]:
                yield f"{sampler}.{spacing}.{steps}", sampler, {"timestep_spacing": spacing}, steps
        yield f"{sampler}.v", sampler, v, 10
        yield f"{sampler}.scaled_linear", sampler, {"beta_schedule": "scaled_linear", "beta_end": 0.012}, 10
        yield f"{sampler}.cosine", sampler, {"beta_schedule": "squaredcos_cap_v2"}, 10
        yield f"{sampler}.300", sampler, {"num_train_timesteps": 300, "timestep_spacing": "linspace"}, 11
        yield f"{sampler}.offset", sampler, {"timestep_spacing": "leading", "steps_offset": 1}, 10
        yield f"{sampler}.zero_snr", sampler, {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", **v}, 10
    for sampler in ["heun", "unipc"]:
        yield f"{sampler}.sample", sampler, {"prediction_type": "sample"}, 10
    yield "heun.clipped", "heun", {"clip_sample": True}, 10
    # Here sigma falls from 20,000 to 5 in one step.
    cosine = {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "trailing"}
    yield "heun.cosine_trailing", "heun", {"clip_sample": True, **cosine}, 8
    yield "heun.of_euler", "heun", json.loads(EulerDiscreteScheduler(**cosine).to_json_string()), 8
    for name, config in {
        "order1": {"solver_order": 1},
        "no_lower_order": {"final_sigmas_type": "sigma_min", "lower_order_final": False},
        "sigma_min": {"final_sigmas_type": "sigma_min"},
    }.items():
        yield f"unipc.{name}", "unipc", config, 10
    yield "euler.sigma_min", "euler", {"final_sigmas_type": "sigma_min"}, 10
    for sampler in ["euler", "heun"]:
        for spacing in ["leading", "linspace"]:
            yield f"{sampler}.karras.{spacing}", sampler, {"use_karras_sigmas": True, "timestep_spacing": spacing}, 10
    for steps in [1, 2, 7, 20]:
        yield f"flow.{steps}", "flow", {}, steps
    yield "flow.shift", "flow", {"shift": 3.0}, 10
    yield "flow.300", "flow", {"num_train_timesteps": 300}, 11


def solvers(out):
    """Every state as the network is given it: where a scheduler walks x_0 + sigma eps, divided by sqrt(1 + sigma^2).

    Flow matching walks (1 - sigma) x_0 + sigma eps, which is divided by sqrt((1 - sigma)^2 + sigma^2); its times count
    from 1.
    """
    tensors, index = {}, []
    for name, sampler, config, steps in solver_cases():
        flow = sampler == "flow"
        scheduler = FlowMatchEulerDiscreteScheduler(**config) if flow else SOLVERS[sampler].from_config(config)
        saved = json.loads(scheduler.to_json_string())
        # In single precision, a second evaluation multiplies the rounding of x_0 + sigma eps by sigma / (2 sigma').
        precision = torch.float64 if sampler == "heun" else torch.float32
        if sampler == "heun" and config.get("rescale_betas_zero_snr"):
            # The class has no such switch.
            saved["rescale_betas_zero_snr"] = True
            scheduler.alphas_cumprod = EulerDiscreteScheduler.from_config(saved).alphas_cumprod
        if "_class_name" in config:
            saved = config
        scheduler.set_timesteps(steps)
        scheduler.sigmas = scheduler.sigmas.to(precision)
        generator = torch.Generator().manual_seed(5)
        on_sigma = sampler != "unipc"
        x = randn((2, 1, 4, 4), generator).to(precision) * (1 if flow else scheduler.init_noise_sigma)
        model = formula(None)

        def given(x, i):
            if flow:
                return x / ((1 - scheduler.sigmas[i]) ** 2 + scheduler.sigmas[i] ** 2) ** 0.5
            return x / (scheduler.sigmas[i] ** 2 + 1) ** 0.5 if on_sigma else x

        states = [given(x, 0)]
        for i, t in enumerate(scheduler.timesteps):
            output = model(x if flow else scheduler.scale_model_input(x, t), t)
            options = {"generator": generator} if sampler == "euler_a" else {}
            x = scheduler.step(output, t, x, **options).prev_sample
            states.append(given(x, i + 1))
        tensors[f"{name}.trajectory"] = torch.stack(states).float().contiguous()
        index.append(
            {
                "name": name,
                "sampler": "euler" if flow else sampler,
                "steps": steps,
                "timesteps": (scheduler.timesteps - int(flow)).tolist(),
                "config": saved,
            }
        )
    save_file(tensors, out / "solvers.safetensors")
    text = {"versions": PINNED, "cases": index}
    (out / "solvers.json").write_text(json.dumps(text, separators=(",", ":")).replace('},{"name"', '},\n{"name"') + "\n")


# --- schedulers that state noise levels -------------------------------------------------------------


def level_cases():
    """(name, sampler, scheduler, steps)"""
    for steps in [1, 2, 7, 20]:
        yield f"edm.{steps}", "euler", EDMEulerScheduler(), steps
        yield f"edm_dpm.{steps}", "dpm++", EDMDPMSolverMultistepScheduler(), steps
        yield f"edm_heun.{steps}", "heun", EDMEulerScheduler(), steps
        if steps > 1:  # EDM's exponential levels are sigma_min alone, where a score network begins at sigma_max
            yield f"score.{steps}", "euler", ScoreSdeVeScheduler(), steps
    other = {"sigma_min": 0.01, "sigma_max": 20.0, "sigma_data": 1.0, "rho": 5.0, "num_train_timesteps": 300}
    yield "edm.other", "euler", EDMEulerScheduler(**other), 7
    yield "edm.v", "euler", EDMEulerScheduler(prediction_type="v_prediction"), 7
    yield "edm.exponential", "euler", EDMEulerScheduler(sigma_schedule="exponential"), 7
    yield "edm.sigma_min", "euler", EDMEulerScheduler(final_sigmas_type="sigma_min"), 7
    yield "edm_dpm.order1", "dpm++", EDMDPMSolverMultistepScheduler(solver_order=1), 7
    yield "edm_dpm.exponential", "dpm++", EDMDPMSolverMultistepScheduler(sigma_schedule="exponential"), 7
    yield "score.other", "euler", ScoreSdeVeScheduler(num_train_timesteps=1000, sigma_max=50.0), 7


def levels(out):
    """Walks of `files/safetensors` (EDM) and `networks/skip` (score): x_0 + sigma eps, divided by sqrt(1 + sigma^2)."""
    network = UNet2DModel.from_pretrained(HERE / "files" / "safetensors", subfolder="unet", low_cpu_mem_usage=False).eval()
    skip = HERE / "networks" / "skip"
    score_network = UNet2DModel.from_config(UNet2DModel.load_config(skip)).eval()
    score_network.load_state_dict(load_file(skip / "weights.safetensors"))
    tensors, index = {}, []
    for name, sampler, stated, steps in level_cases():
        config = json.loads(stated.to_json_string())
        score = isinstance(stated, ScoreSdeVeScheduler)
        unet = score_network if score else network
        bounds = {"sigma_min": config["sigma_min"], "sigma_max": config["sigma_max"]}
        # Of a score network EDM's Euler walks, which takes an x_0 in place of an output.
        scheduler = EDMEulerScheduler(sigma_schedule="exponential", **bounds) if score else stated
        scheduler.set_timesteps(steps)
        sigmas = scheduler.sigmas
        start = config["sigma_max"] if score else scheduler.init_noise_sigma
        x = randn((2, unet.config.in_channels, 8, 8), torch.Generator().manual_seed(5)) * start

        def x_0_of(x, sigma, unet=unet, score=score, scheduler=scheduler):
            if score:
                return x + sigma**2 * unet(x, sigma).sample
            output = unet(scheduler.precondition_inputs(x, sigma), scheduler.precondition_noise(sigma)).sample
            return scheduler.precondition_outputs(x, output, sigma)

        states = [x / (1 + sigmas[0] ** 2) ** 0.5]

        def keep(x, i, states=states, sigmas=sigmas):
            states.append(x / (1 + sigmas[i] ** 2) ** 0.5)
            return x

        for i, t in enumerate(scheduler.timesteps):
            if sampler == "heun":  # Karras et al. 2022, Algorithm 1, which diffusers has for betas alone
                e = (x - x_0_of(x, sigmas[i])) / sigmas[i]
                to = keep(x + (sigmas[i + 1] - sigmas[i]) * e, i + 1)
                if sigmas[i + 1] > 0:
                    e = (e + (to - x_0_of(to, sigmas[i + 1])) / sigmas[i + 1]) / 2
                    to = keep(x + (sigmas[i + 1] - sigmas[i]) * e, i + 1)
                x = to
                continue
            given = scheduler.scale_model_input(x, t)
            if score:
                x_0 = x_0_of(x, sigmas[i])
                x = scheduler.step(x_0, t, x, pred_original_sample=x_0).prev_sample
            else:
                x = scheduler.step(unet(given, t).sample, t, x).prev_sample
            keep(x, i + 1)
        tensors[f"{name}.trajectory"] = torch.stack(states).contiguous()
        index.append({"name": name, "sampler": sampler, "steps": steps, "config": config})
    save_file(tensors, out / "levels.safetensors")
    text = {"versions": PINNED, "cases": index}
    (out / "levels.json").write_text(json.dumps(text, separators=(",", ":")).replace('},{"name"', '},\n{"name"') + "\n")


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
