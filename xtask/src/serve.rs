//! `cargo xtask serve`: builds what is missing and serves the page to this machine.

use std::thread;

use anyhow::{Result, bail};
use clap::Args;

use crate::models;
use crate::project::root;
use crate::server::Server;
use crate::vendor;
use crate::wasm::{self, Module, Recipe};

/// Build what is missing or out of date, then serve the page on 127.0.0.1.
#[derive(Args)]
pub(crate) struct Options {
    /// The port [default: 8080, or the next free one].
    #[arg(long)]
    port: Option<u16>,
    /// Open the page in the browser.
    #[arg(long)]
    open: bool,
    /// The cargo profile that the wasm modules are built with.
    #[arg(long, default_value = wasm::PROFILE)]
    profile: String,
    /// Short for --profile release.
    #[arg(long, conflicts_with = "profile")]
    release: bool,
    /// Build only the module for this device.
    #[arg(long, value_enum)]
    device: Option<Module>,
}

/// Serves until it is interrupted.
pub(crate) fn run(options: &Options) -> Result<()> {
    let profile = if options.release {
        "release"
    } else {
        &options.profile
    };
    let recipe = Recipe::for_development(profile);
    // Before the build, which takes minutes: a port in use should be detected before it.
    let server = Server::bind(root(), options.port)?;
    let page = server.address();

    models::provide()?;
    // Only the plots and zip files need it: without Node the page is served all the same.
    if let Err(reason) = vendor::provide() {
        println!("The page has no plots and cannot open zip files: {reason:#}.\n");
    }

    // The module for the CPU is there long before the other one, so the page is served from then on.
    if options.device != Some(Module::Webgpu) {
        recipe.build(Module::Cpu)?;
    }
    recipe.build(Module::Learn)?;
    let waits = options.device.is_none() && !recipe.has(Module::Webgpu);
    if waits {
        announce(&format!("{page}?device=cpu"), options.open);
        println!("Building the module for WebGPU; this takes a few minutes the first time.\n");
    }
    let serving = thread::spawn(move || server.serve());
    if options.device != Some(Module::Cpu) {
        recipe.build(Module::Webgpu)?;
        recipe.build(Module::LearnWebgpu)?;
    }
    announce(&page, options.open && !waits);
    println!("Press Ctrl-C to stop.");
    match serving.join() {
        Ok(outcome) => outcome,
        Err(_) => bail!("the server stopped; start it again"),
    }
}

fn announce(page: &str, open: bool) {
    println!("\n==> {page}\n");
    if open && let Err(reason) = open::that_detached(page) {
        println!("The browser could not be opened ({reason}). Open the address yourself.");
    }
}
