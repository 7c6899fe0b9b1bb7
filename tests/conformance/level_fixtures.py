"""The fixtures of schedulers that state noise levels, EDM's and a score network's. `make_fixtures.py` writes them."""

import json
from pathlib import Path

import torch
from diffusers import EDMDPMSolverMultistepScheduler, EDMEulerScheduler, ScoreSdeVeScheduler, UNet2DModel
from safetensors.torch import load_file, save_file
from scheduler_fixtures import PINNED, randn

HERE = Path(__file__).resolve().parent


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
