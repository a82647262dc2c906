//! What is lost of what the engine owns, or was put there by somebody else, is told, and takes nothing else along.

mod letters;
mod registry;
mod stage;
mod streams;
mod tenant;
