//! The sandbox: admits what begins like WebAssembly, and runs nothing.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tailrace_core::{
    event::Event,
    identity::Digest,
    ports::plugins::{
        Admitted, Call, CallFailure, CallLimits, Grant, Host, Instance, Plugin, PluginError, PluginRuntime,
    },
};

use super::Fake;

impl PluginRuntime for Fake {
    fn admit(&self, upload: &Bytes) -> Result<Admitted, PluginError> {
        if !upload.starts_with(b"\0asm") {
            return Err(PluginError::Invalid("no WebAssembly".to_owned()));
        }
        self.act();
        Ok(Admitted {
            component: upload.clone(),
            digest: Digest::of(upload),
            imports: BTreeSet::from([Grant::State]),
        })
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(Idle(BTreeSet::from([Grant::State]))))
    }
}

/// A plugin that takes any config and processes nothing.
struct Idle(BTreeSet<Grant>);

impl Plugin for Idle {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.0
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Self(BTreeSet::new())))
    }
}

impl Instance for Idle {
    fn process(&mut self, _: &Event, host: Box<dyn Host>) -> (Call, Box<dyn Host>) {
        (
            Call {
                result: Err(CallFailure::Engine("fake".to_owned())),
                fuel: 0,
            },
            host,
        )
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}
