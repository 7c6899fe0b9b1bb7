//! What is wrong gets a sentence that names it: a table for everything that a person, or a file, can hand over.

#![cfg(feature = "native")]

mod chain;
mod files;
mod idx;
mod images;
mod labels;
mod scheduler;
mod table;
mod training;
mod unet;
mod weights;
