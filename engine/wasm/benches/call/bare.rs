//! The bare wasmtime call of a guest, with the engine's settings that cost (fuel, epochs, pool) and the
//! event's own types, and nothing else: no caps, no host, no verdict. What the sandbox is held against.

use tailrace_core::event::Event;
use wasmtime::{
    Config, Engine, PoolingAllocationConfig, Store,
    component::{Component, ComponentType, Lift, Linker, Lower, TypedFunc},
};

/// A result whose error has any cause.
pub type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// The shapes of `wit/types.wit`.
#[allow(dead_code, reason = "lifted, and looked at no further")]
mod shapes {
    use super::{ComponentType, Lift, Lower};

    #[derive(ComponentType, Lower, Lift)]
    #[component(record)]
    pub struct Header {
        pub name: String,
        pub value: String,
    }
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub struct Event<'a> {
        pub sequence: u64,
        pub time: u64,
        pub subject: &'a str,
        pub key: &'a str,
        pub headers: &'a [Header],
        pub payload: &'a [u8],
    }
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub struct Message {
        pub subject: Option<String>,
        pub key: Option<String>,
        pub headers: Vec<Header>,
        pub payload: Vec<u8>,
    }
    #[derive(ComponentType, Lift)]
    #[component(variant)]
    pub enum Verdict {
        #[component(name = "forward")]
        Forward,
        #[component(name = "emit")]
        Emit(Vec<Message>),
        #[component(name = "drop")]
        Drop,
    }
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub struct Rejection {
        pub code: String,
        pub reason: String,
    }
    #[derive(ComponentType, Lift)]
    #[component(variant)]
    pub enum Failure {
        #[component(name = "invalid")]
        Invalid(Rejection),
        #[component(name = "transient")]
        Transient(String),
    }
}

type Outcome = (Result<shapes::Verdict, shapes::Failure>,);

/// An instance without a sandbox.
pub struct Bare {
    store: Store<()>,
    process: TypedFunc<(shapes::Event<'static>,), Outcome>,
}

impl Bare {
    /// Makes one of a component.
    pub fn new(component: &[u8], config: &str) -> AnyResult<Self> {
        let mut settings = Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(64 << 20)
            .total_memories(10)
            .total_core_instances(100);
        settings
            .consume_fuel(true)
            .epoch_interruption(true)
            .concurrency_support(false)
            .cranelift_nan_canonicalization(true)
            .allocation_strategy(pool);
        let engine = Engine::new(&settings)?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX)?;
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = linker.instantiate(&mut store, &component)?;
        let transform = component
            .get_export_index(None, "tailrace:plugin/transform@0.2.0")
            .ok_or("no transform")?;
        let export = |name: &str| {
            component
                .get_export_index(Some(&transform), name)
                .ok_or("no export")
        };
        let configure: TypedFunc<(&str,), (Result<(), String>,)> =
            instance.get_typed_func(&mut store, export("configure")?)?;
        configure.call(&mut store, (config,))?.0?;
        let process = instance.get_typed_func(&mut store, export("process")?)?;
        Ok(Self { store, process })
    }

    /// One call, which the guest must take.
    pub fn call(&mut self, event: &Event) -> AnyResult<()> {
        let event = shapes::Event {
            sequence: event.sequence,
            time: event.time_ms,
            subject: &event.subject,
            key: &event.key,
            headers: &[],
            payload: &event.payload,
        };
        match self.process.call(&mut self.store, (event,))?.0 {
            Ok(_) => Ok(()),
            Err(_) => Err("the plugin does not take the event".into()),
        }
    }
}
