//! The sandbox: admits what begins like WebAssembly, and has plugins that do nothing.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tailrace_core::{
    event::{Event, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::{
        Admitted, Call, CompileCost, DeclaredMemory, Host, Instance, Plugin, PluginError, PluginRuntime,
    },
};

/// The sandbox.
#[derive(Default)]
pub struct Sandbox(AtomicU64);

impl Sandbox {
    /// How many uploads were admitted.
    pub fn admitted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl PluginRuntime for Sandbox {
    fn admit(&self, upload: &Bytes) -> Result<Admitted, PluginError> {
        if !upload.starts_with(b"\0asm") {
            return Err(PluginError::Invalid("no WebAssembly".to_owned()));
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted {
            component: upload.clone(),
            digest: Digest::of(upload),
            imports: BTreeSet::from([Grant::State]),
            memory: DeclaredMemory {
                initial_bytes: 65_536,
                maximum_bytes: None,
            },
            config_schema: None,
            compiled: Some(CompileCost {
                processor_ms: 3,
                artefact_bytes: 1_000,
            }),
        })
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(Idle(BTreeSet::from([Grant::State]))))
    }
}

/// A plugin that takes any config but a bad one, and forwards. A hungry one needs memory.
struct Idle(BTreeSet<Grant>);

impl Plugin for Idle {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.0
    }
    fn instantiate(&self, config: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        let (needs, allowed) = (17_891_328, limits.memory_bytes);
        if config.contains("hungry") && needs > allowed {
            return Err(PluginError::Memory { needs, allowed });
        }
        if config.contains("bad") {
            return Err(PluginError::Config("it is bad".to_owned()));
        }
        Ok(Box::new(Self(BTreeSet::new())))
    }
}

impl Instance for Idle {
    fn process(&mut self, _: &Event, _: &mut dyn Host) -> Call {
        Call {
            result: Ok(Verdict::Forward),
            fuel: 7,
        }
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}
