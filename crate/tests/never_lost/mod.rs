//! What a training has saved is not lost: not to a kill, a full disk, a folder that cannot be written, a damaged file, or a
//! second training in the same folder.

#![cfg(feature = "native")]

mod damaged;
#[cfg(unix)]
mod disk;
mod killed;
mod run;
mod twice;
