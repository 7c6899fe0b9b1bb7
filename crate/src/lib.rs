//! Denoising diffusion, trained natively and walked back from noise in the browser, one step at a time.
//!
//! The crate reads like a short paper. A clean image x_0 is destroyed by a chain of T small noisings ([`diffusion`], eq. 2
//! of [Ho et al. 2020](https://arxiv.org/abs/2006.11239)), how fast, the [`schedule`] says:
//!
//! ```text
//! x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps                                            eq. 4
//! ```
//!
//! If x_0 were known, each noising could be undone: the posterior q(x_{t-1} | x_t, x_0) is a Gaussian (eq. 7,
//! [`diffusion::Transition`]). It is not known, so a network, the [`unet`], guesses the noise eps from x_t and t alone.
//! It learns to by plain regression (Algorithm 1, [`train::trainer`](https://github.com/walkback/walkback/blob/main/crate/src/train/trainer.rs)):
//!
//! ```text
//! L_simple = E || eps - eps_theta(x_t, t) ||^2                                             eq. 14
//! ```
//!
//! Walking back starts from pure noise and replaces x_t by a sample of that posterior, with the guess instead of the
//! truth, T times over (Algorithm 2, [`sampler::Ddpm`]), or fewer with the other samplers of [`sampler`]. A [`chain`] keeps
//! the state and returns at every step what the network saw: x_t, its guess of x_0, and the noise.
//!
//! # One walk, in a few lines
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use walkback::{chain::*, folder, picture::*, sampler::SamplerKind};
//!
//! let files = folder::read("../pretrained/mnist".as_ref())?;
//! let model = files.pipeline(&burn::tensor::Device::flex())?;
//! let (sampler, num_inference_steps) = (SamplerKind::Ddim, 10);
//! let options = ChainOptions { seed: 7, sampler, num_inference_steps, ..Default::default() };
//! let mut chain = Chain::new(model.scheduler(), &model.spec(), options)?;
//! while !chain.is_done() {
//!     pollster::block_on(chain.step(&model))?;
//! }
//! let png = grid_png(chain.x_t(), chain.shape(), GridLayout::new(1, 8))?;
//! # let scratch = tempfile::tempdir()?;
//! # let out = scratch.path();
//! std::fs::write(out.join("digit.png"), png)?;
//! # Ok(())
//! # }
//! ```
//!
//! [docs/architecture.md](https://github.com/walkback/walkback/blob/main/docs/architecture.md) shows where the page fits in.
//!
//! # The modules, lower ones first
//!
//! | module | what is in it | equations |
//! |---|---|---|
//! | [`schedule`] | betas, alphas_cumprod, signal-to-noise ratio, in f64 | Ho et al. section 4; Nichol & Dhariwal eq. 17 |
//! | [`noise`] | the seeded normal stream, PyTorch's | Box-Muller on MT19937 |
//! | [`diffusion`] | forward process, posterior, eps / x_0 / v conversions | eq. 2, 4, 7, 11 |
//! | [`forward`] | the walk into noise, step by step | eq. 2 |
//! | [`sampler`] | DDPM, DDIM and its inversion, DPM-Solver++, Euler, Heun, UniPC, guidance, timesteps | Algorithm 2; Song et al. eq. 12 |
//! | [`likelihood`] | the variational bound, term by term | eq. 5, 13 |
//! | [`unet`] | the network, its weights, its kernels | appendix B |
//! | [`denoiser`] | what a chain needs of a network | |
//! | [`chain`] | the walk: state, step, what a step reveals | Algorithm 2 |
//! | [`pipeline`] | a model folder in memory, ready to predict | |
//! | [`weights`] | files of weights in any common format | |
//! | [`stored`] | a file's bytes, wherever they are | |
//! | [`model_index`] | which parts a pipeline of diffusers has | |
//! | `picture` | grids and animations as PNG and GIF | |
//! | `folder`, `hub`, `data` | native: model folders, also by their names on the hub; images for training and evaluation | |
//! | `train` | training; all but its arithmetic is native | Algorithm 1, eq. 14 |
//! | `learn` | learning from a few examples, in the page | Algorithm 1 |
//! | `eval` | native: the bound on test images, samples judged by a classifier | eq. 5; Heusel et al. eq. 6 |
//! | `web` | wasm: what the page calls | |
//!
//! Arithmetic around the network happens on the host in f32 with f64 coefficients, and on a GPU, where a walk stays from step
//! to step, in f32. A seed therefore gives the same noise, and up to rounding the same image, everywhere.

#![deny(unsafe_code)]

mod archive;
pub mod chain;
#[cfg(feature = "native")]
pub mod data;
pub mod denoiser;
pub mod diffusion;
#[cfg(feature = "native")]
pub mod eval;
#[cfg(feature = "learn")]
pub mod folder;
pub mod forward;
#[cfg(feature = "native")]
pub mod hub;
mod json;
#[cfg(feature = "learn")]
pub mod learn;
pub mod likelihood;
pub mod model_index;
pub mod noise;
#[cfg(any(feature = "native", target_arch = "wasm32"))]
pub mod picture;
pub mod pipeline;
#[cfg(feature = "native")]
mod plot;
pub mod sampler;
pub mod schedule;
pub mod stored;
#[cfg(feature = "learn")]
pub mod train;
pub mod unet;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod weights;
