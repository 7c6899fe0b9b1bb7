//! The tests that take many seconds each, which `cargo xtask check` leaves out.

mod common;

mod eval_bound;
mod eval_command;
mod eval_judge;
mod inversion;
mod never_lost;
mod optimum_command;
mod training;
