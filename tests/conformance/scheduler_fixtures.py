"""The fixtures of schedulers and samplers: diffusers' values, with a network that is a formula. `make_fixtures.py` writes them."""

import json

import torch
from diffusers import (
    DDIMInverseScheduler,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    UniPCMultistepScheduler,
)
from safetensors.torch import save_file

PINNED = {"diffusers": "0.42.1", "torch": "2.15.0"}
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
    "dpm++": DPMSolverMultistepScheduler,
}
MULTISTEP = ["unipc", "dpm++"]


def solver_cases():
    v = {"prediction_type": "v_prediction"}
    for sampler in ["euler", "euler_a", "heun", "unipc"]:
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
    # Multistep solvers take such levels from the whole schedule, whatever the spacing.
    for sampler in ["dpm++", "unipc"]:
        for name, config in {"linear": {}, "v": v, "scaled_linear": {"beta_schedule": "scaled_linear"}}.items():
            yield f"{sampler}.karras.{name}", sampler, {"use_karras_sigmas": True, **config}, 10
    yield "dpm++.karras.sigma_min", "dpm++", {"use_karras_sigmas": True, "final_sigmas_type": "sigma_min"}, 20
    for steps in [1, 2, 7, 20]:
        yield f"flow.{steps}", "flow", {}, steps
    yield "flow.karras", "flow", {"use_karras_sigmas": True, "shift": 3.0}, 10
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
        saved = json.loads(scheduler.to_json_string().replace("-Infinity", '"-Infinity"'))
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
        on_sigma = sampler not in MULTISTEP
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
