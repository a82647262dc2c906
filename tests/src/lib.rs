//! The harness: a real nats-server and real engines as processes, each ended with its guard, and the
//! few sentences that tests are written in. The tests link no Cranelift: the engine is the binary that
//! `make test` built.

#![allow(clippy::print_stdout, reason = "tests tell what they found")]

pub mod access;
pub mod cluster;
pub mod cut;
pub mod engine;
pub mod files;
pub mod http;
pub mod inventory;
pub mod newborn;
pub mod nodes;
pub mod operator;
pub mod ports;
pub mod proxy;
pub mod raw;
pub mod signal;
pub mod stand_in;
pub mod stored;
pub mod tenant;
pub mod torture;
