//! From a plugin to the exports of a component.
//!
//! Why: docs/decisions/0059-sdk-host-without-a-trait-object.md

use std::cell::RefCell;

use crate::{Event, Failure, Host, Message, Plugin, Timer, Verdict, config};

/// Holds the plugin of an instance. Empty until the engine calls `configure`.
#[doc(hidden)]
pub struct Slot<P> {
    plugin: RefCell<Option<P>>,
}

impl<P: Plugin> Slot<P> {
    /// A slot without a plugin.
    #[allow(clippy::new_without_default, reason = "const, for thread_local")]
    pub const fn new() -> Self {
        Self {
            plugin: RefCell::new(None),
        }
    }

    /// The contract's `configure`.
    pub fn configure(&self, config: &str) -> Result<(), String> {
        *self.plugin.borrow_mut() = Some(P::new(config::parse(config)?)?);
        Ok(())
    }

    /// The contract's `process`.
    pub fn process(&self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        match self.plugin.borrow_mut().as_mut() {
            Some(plugin) => plugin.process(event, host),
            // Only a host that breaks the contract comes here, and it may do better next time.
            None => Err(Failure::transient("process was called before configure")),
        }
    }

    /// The contract's `on-timer`.
    pub fn on_timer(&self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        match self.plugin.borrow_mut().as_mut() {
            Some(plugin) => plugin.on_timer(timer, host),
            None => Err(Failure::transient("on-timer was called before configure")),
        }
    }
}

/// Exports a [`Plugin`] as the plugin of this crate. A crate may use it once. A native build only checks the
/// type, so tests may link several plugins together.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// struct Keep;
///
/// impl Plugin for Keep {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Keep)
///     }
///     fn process(&mut self, _event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         Ok(Verdict::Forward)
///     }
/// }
///
/// export!(Keep);
/// ```
///
/// With `config_schema` the plugin bears the JSON Schema of its config, in a file beside `Cargo.toml`. The engine then
/// checks the config when a pipeline is applied. It reads plain scalars of YAML as the schema types them, and shows the
/// schema with the plugin. The file is derived from the type: the macro adds a test that compares the two, and with
/// `BLESS=1` writes the file. It needs the feature `schema`, and `schemars::JsonSchema` on the type.
///
/// ```ignore
/// #[derive(Deserialize, JsonSchema)]
/// #[schemars(crate = "tailrace_sdk::schemars")]
/// struct Config { countries: Vec<String> }
///
/// export!(Keep, config_schema: "config.schema.json");
/// ```
#[macro_export]
macro_rules! export {
    ($plugin:ty, config_schema: $file:literal) => {
        $crate::export!($plugin);

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            const SCHEMA: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file));
            #[used]
            #[unsafe(link_section = "tailrace:config-schema")]
            static SECTION: [u8; SCHEMA.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file));
        };

        #[cfg(test)]
        #[test]
        fn the_config_schema_is_that_of_the_type() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/", $file);
            $crate::testing::check_config_schema::<<$plugin as $crate::Plugin>::Config>(path);
        }
    };
    ($plugin:ty) => {
        const _: fn() = || {
            fn is_a_plugin<P: $crate::Plugin>() {}
            is_a_plugin::<$plugin>();
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            ::std::thread_local! {
                static SLOT: $crate::exporting::Slot<$plugin> = const { $crate::exporting::Slot::new() };
            }

            struct Component;

            impl $crate::exporting::Guest for Component {
                fn configure(
                    config: ::std::string::String,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    $crate::exporting::report_panics();
                    SLOT.with(|slot| slot.configure(&config))
                }

                fn process(event: $crate::Event) -> ::std::result::Result<$crate::Verdict, $crate::Failure> {
                    SLOT.with(|slot| slot.process(&event, &mut $crate::Host::guest()))
                }
            }

            impl $crate::exporting::TimedGuest for Component {
                fn on_timer(
                    timer: $crate::Timer,
                ) -> ::std::result::Result<::std::vec::Vec<$crate::Message>, $crate::Failure> {
                    SLOT.with(|slot| slot.on_timer(&timer, &mut $crate::Host::guest()))
                }
            }

    $crate::bindings::export_transformer!(Component with_types_in $crate::bindings);
        };
    };
}
