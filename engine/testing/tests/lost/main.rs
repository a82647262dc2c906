//! What is lost of what the engine owns, or altered, or was put there by somebody else, is told, and takes nothing else
//! along. So is what the broker denies, or has no room for.

mod altered;
mod full;
mod letters;
mod registry;
mod stage;
mod streams;
mod tenant;
