//! Builds the crate's wasm modules: the small one that computes on the CPU, the big one that computes on WebGPU, and those that
//! learn, one for each device, which the page loads when it is asked to.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use wasm_bindgen_cli_support::Bindgen;

use crate::command;
use crate::node;
use crate::project::{PACKAGE, cargo, root};

/// The target that browsers run.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The cargo profile of the modules while developing and testing.
pub(crate) const PROFILE: &str = "web";

/// What rustc lets into the module. They are passed to wasm-opt, so that it need not rely on the module.
const WASM_FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// One of the modules, named by the device that it computes on, or by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Module {
    /// burn-flex; small, and quick to build.
    Cpu,
    /// The same with the backward passes.
    #[value(skip)]
    Learn,
    /// The kernels of `unet::gpu` in CubeCL, on WebGPU.
    Webgpu,
    /// The same with those of the backward passes.
    #[value(skip)]
    LearnWebgpu,
}

impl Module {
    /// All, the quicker ones to build first.
    pub(crate) const ALL: [Module; 4] = [
        Module::Cpu,
        Module::Learn,
        Module::Webgpu,
        Module::LearnWebgpu,
    ];

    /// The name of its folder below `web/pkg/`; that of a device is also the page's `?device=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Module::Cpu => "cpu",
            Module::Learn => "learn",
            Module::Webgpu => "webgpu",
            Module::LearnWebgpu => "learn-webgpu",
        }
    }

    /// The package in `modules/` that is linked to this module.
    fn package(self) -> String {
        format!("{PACKAGE}-{}", self.name())
    }

    /// Checks the crate as this module has it with clippy, whose warnings are errors.
    ///
    /// `cargo clippy` would check all that the crate depends on a second time. Where clippy's driver stands in for the
    /// compiler of the workspace's own crates, the dependencies are those that the module is linked with.
    pub(crate) fn lint(self, profile: &str) -> Result<()> {
        let mut lint = cargo_for_wasm();
        lint.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
            .args(["rustc", "--package", PACKAGE, "--lib"])
            .arg("--no-default-features")
            .arg(format!("--features=web-{}", self.name()))
            .args(target_args(profile))
            .args(["--", "-D", "warnings", "-C", "opt-level=0"]);
        command::run(&mut lint)
    }

    fn linked(self, profile: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        let file = self.package().replace('-', "_");
        root().join(format!("{TARGET_DIR}/{TARGET}/{folder}/{file}.wasm"))
    }
}

/// Where cargo builds the modules.
const TARGET_DIR: &str = "target/wasm";

/// All modules share a directory, and what they depend on.
fn target_args(profile: &str) -> [&str; 6] {
    [
        "--target",
        TARGET,
        "--target-dir",
        TARGET_DIR,
        "--profile",
        profile,
    ]
}

/// Cargo for the wasm target.
fn cargo_for_wasm() -> std::process::Command {
    let mut command = cargo();
    // These would take the place of the flags in .cargo/config.toml, and silently give a module without SIMD.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// How a module is built.
pub(crate) struct Recipe<'a> {
    /// The cargo profile.
    pub(crate) profile: &'a str,
    /// The level that wasm-opt runs at (`-Oz`), if it is to run.
    pub(crate) wasm_opt: Option<&'a str>,
    /// The folder that gets a folder per device.
    pub(crate) out: PathBuf,
}

impl<'a> Recipe<'a> {
    /// What `serve` and the tests use: quick to build, into `web/pkg/`. wasm-opt, which takes minutes, is left out.
    pub(crate) fn for_development(profile: &'a str) -> Self {
        Recipe {
            profile,
            wasm_opt: None,
            out: root().join("web/pkg"),
        }
    }

    /// Whether the `module` has ever been built.
    pub(crate) fn has(&self, module: Module) -> bool {
        self.out.join(module.name()).join(STAMP).is_file()
    }

    /// Builds the `module`, or what of it is out of date.
    pub(crate) fn build(&self, module: Module) -> Result<()> {
        ensure_target()?;
        let name = module.name();
        println!("--> wasm for {name}: cargo build, profile {}", self.profile);
        let began = Instant::now();
        let mut build = cargo_for_wasm();
        build
            .args(["build", "--package", &module.package()])
            .args(target_args(self.profile));
        command::run(&mut build)?;

        let linked = module.linked(self.profile);
        let stamp = self.stamp(&linked)?;
        let out = self.out.join(name);
        if fs::read_to_string(out.join(STAMP)).is_ok_and(|before| before == stamp) {
            println!("    wasm for {name}: up to date");
            return Ok(());
        }
        // The stamp goes first and comes last: a build that is interrupted is done again.
        clear(&out)?;
        bind(&linked, &out)?;
        let wasm = out.join(format!("{PACKAGE}_bg.wasm"));
        if let Some(level) = self.wasm_opt {
            optimise(&wasm, level)?;
        }
        write(&out.join(STAMP), &stamp)?;
        let megabytes = file_size(&wasm)? as f64 / 1e6;
        let seconds = began.elapsed().as_secs_f64();
        println!("    wasm for {name}: {megabytes:.1} MB, {seconds:.0} s");
        Ok(())
    }

    /// Says what a built module was made of. One that says otherwise is out of date.
    fn stamp(&self, linked: &Path) -> Result<String> {
        let about =
            fs::metadata(linked).with_context(|| format!("cargo built no {}", linked.display()))?;
        let time = about
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        Ok(format!(
            "profile {}\nlinked {} bytes at {time}\nwasm-bindgen {}\nwasm-opt {}\n",
            self.profile,
            about.len(),
            wasm_bindgen_shared::version(),
            self.wasm_opt.unwrap_or("none"),
        ))
    }
}

/// A file beside each built module; its dot keeps it from being served and published.
const STAMP: &str = ".built-from";

/// Makes sure that rustc has the standard library for wasm.
pub(crate) fn ensure_target() -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut print = std::process::Command::new(rustc);
    print.args(["--print", "sysroot"]).current_dir(root());
    let sysroot = PathBuf::from(command::capture(&mut print)?);
    if sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
    {
        return Ok(());
    }
    let Some(rustup) = command::find(&["rustup"]) else {
        bail!(
            "this Rust has no standard library for {TARGET}: install it \
             (with rustup: `rustup target add {TARGET}`)"
        );
    };
    let mut add = std::process::Command::new(rustup);
    command::run(add.args(["target", "add", TARGET]).current_dir(root()))
}

/// Writes the JavaScript and the wasm file that browsers load.
fn bind(linked: &Path, out: &Path) -> Result<()> {
    let bytes = fs::read(linked).with_context(|| format!("could not read {}", linked.display()))?;
    let ours = wasm_bindgen_shared::SCHEMA_VERSION;
    if let Some(theirs) = schema_version(&bytes).filter(|theirs| theirs != ours) {
        bail!(
            "{} was built with wasm-bindgen {theirs}, but xtask uses {ours}: \
             set the same version in crate/Cargo.toml and xtask/Cargo.toml",
            linked.display()
        );
    }
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(linked)
        .out_name(PACKAGE)
        .typescript(true)
        .omit_default_module_path(false)
        .web(true)?;
    bindgen
        .generate(out)
        .with_context(|| format!("wasm-bindgen failed on {}", linked.display()))
}

/// The version of wasm-bindgen's private format that a linked, not yet bound wasm file is written in.
fn schema_version(wasm: &[u8]) -> Option<String> {
    let key = b"\"schema_version\":\"";
    let start = wasm.windows(key.len()).position(|window| window == key)? + key.len();
    let value = wasm.get(start..)?.split(|&byte| byte == b'"').next()?;
    String::from_utf8(value.to_vec()).ok()
}

/// Lets wasm-opt make `wasm` smaller: `$WASM_OPT` where it is set, else the one of the npm package `binaryen`.
fn optimise(wasm: &Path, level: &str) -> Result<()> {
    let mut wasm_opt = match env::var_os("WASM_OPT") {
        Some(program) => std::process::Command::new(program),
        None => {
            node::install()?;
            node::tool("wasm-opt")
        }
    };
    println!("    wasm-opt {level}, which takes a few minutes");
    wasm_opt
        .args([level, "--strip-producers"])
        .args(WASM_FEATURES);
    command::run(wasm_opt.arg(wasm).arg("-o").arg(wasm))
}

fn clear(folder: &Path) -> Result<()> {
    let _ = fs::remove_file(folder.join(STAMP));
    if folder.is_dir() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

fn file_size(path: &Path) -> Result<u64> {
    let about = fs::metadata(path).with_context(|| format!("there is no {}", path.display()))?;
    Ok(about.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_version_is_read_from_a_wasm_file() {
        let file = b"\0asm..{\"schema_version\":\"0.2.130\",\"version\":\"0.2.130\"}..";
        assert_eq!(schema_version(file).as_deref(), Some("0.2.130"));
        assert_eq!(schema_version(b"\0asm"), None);
    }

    #[test]
    fn a_module_made_by_another_wasm_bindgen_is_refused_by_version() {
        let folder = tempfile::tempdir().expect("a folder");
        let linked = folder.path().join("walkback.wasm");
        fs::write(&linked, b"\0asm{\"schema_version\":\"0.2.1\"}").expect("a file");
        let said = bind(&linked, folder.path())
            .expect_err("another version")
            .to_string();
        assert!(
            said.contains("wasm-bindgen 0.2.1, but xtask uses"),
            "{said}"
        );
    }

    #[test]
    fn each_module_is_a_package_with_the_features_of_its_name_and_a_file_of_its_own() {
        for module in Module::ALL {
            let name = module.name();
            let manifest = root().join(format!("modules/{name}/Cargo.toml"));
            let manifest = fs::read_to_string(manifest).expect("a package");
            assert!(manifest.contains(&format!("name = \"{}\"", module.package())));
            assert!(manifest.contains(&format!("features = [\"web-{name}\"]")));
            let file = name.replace('-', "_");
            assert!(
                module
                    .linked(PROFILE)
                    .ends_with(format!("web/walkback_{file}.wasm"))
            );
        }
    }

    #[test]
    fn a_module_is_out_of_date_when_what_it_was_made_of_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let linked = folder.path().join("walkback.wasm");
        fs::write(&linked, "one").expect("a file");
        let recipe = |profile| Recipe {
            profile,
            wasm_opt: None,
            out: folder.path().to_owned(),
        };
        let before = recipe("web").stamp(&linked).expect("a stamp");
        assert_eq!(before, recipe("web").stamp(&linked).expect("a stamp"));
        assert_ne!(before, recipe("release").stamp(&linked).expect("a stamp"));
        fs::write(&linked, "three").expect("a file");
        assert_ne!(before, recipe("web").stamp(&linked).expect("a stamp"));
    }
}
