//! An engine to embed: its configuration, and the wiring that gives every port its adapter. It knows no
//! command line; the binary `tailrace` has one, and `examples/embed` shows a program without it.
//!
//! - [`config`]: everything that an operator can set;
//! - [`wiring`]: starts an engine, and ends it;
//! - [`broker`]: a private nats-server, to try things on;
//! - [`logs`], [`descriptors`]: what a process sets up once;
//! - [`system`]: the clocks and the randomness of the machine;
//! - `api`: the threads that answer requests, and `threads`: the ranks of threads;
//! - `identity`: the engine's own name; [`folder`]: the lock of its data folder;
//! - `traces`: spans to a collector, and `webhooks`: notices of alarms.
//!
//! Why: docs/decisions/0007-server-apart-from-the-command-line.md

mod api;
pub mod broker;
pub mod config;
pub mod descriptors;
pub mod folder;
mod identity;
pub mod logs;
pub mod system;
mod threads;
mod traces;
mod webhooks;
pub mod wiring;
