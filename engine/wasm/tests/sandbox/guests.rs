//! Guests in the text format. A guest is a core module with room for a body of `configure` and of
//! `process`; what it leaves out is the plugin that forwards everything.
//!
//! Memory of a guest: 0-1023 texts, 1024-1047 the result of `process` (all zero: forward),
//! 1100-1111 that of `configure` (all zero: fine), 1200 and up whatever a test puts there, from
//! 4096 on what the host writes.

use bytes::Bytes;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub const STATE: &str = "tailrace:plugin/state@0.2.0";
pub const VECTORS: &str = "tailrace:plugin/vectors@0.2.0";
pub const SKETCHES: &str = "tailrace:plugin/sketches@0.2.0";
pub const TIMERS: &str = "tailrace:plugin/timers@0.2.0";
pub const TABLES: &str = "tailrace:plugin/tables@0.2.0";
pub const LOG: &str = "tailrace:plugin/log@0.2.0";

/// The parts of a guest.
pub struct Guest {
    /// Import lines.
    pub imports: String,
    /// Pages of memory at the start.
    pub pages: u32,
    /// Texts at address 0.
    pub data: String,
    /// Further definitions.
    pub more: String,
    /// Body of `configure`; it leaves an address.
    pub configure: String,
    /// Body of `process`; it leaves an address.
    pub process: String,
}

impl Guest {
    /// The guest that forwards everything.
    pub fn forward() -> Self {
        Self::process("(i32.const 1024)")
    }

    /// A guest with this body of `process`.
    pub fn process(body: &str) -> Self {
        Self {
            imports: String::new(),
            pages: 2,
            data: String::new(),
            more: String::new(),
            configure: "(i32.const 1100)".to_owned(),
            process: body.to_owned(),
        }
    }

    /// With an imported function, callable as `$name`.
    pub fn import(mut self, interface: &str, name: &str, params: &str) -> Self {
        let line = format!("(import \"{interface}\" \"{name}\" (func ${name} {params}))\n");
        self.imports.push_str(&line);
        self
    }

    /// With texts at address 0.
    pub fn data(mut self, data: &str) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    /// With this body of `configure`.
    pub fn configure(mut self, body: &str) -> Self {
        body.clone_into(&mut self.configure);
        self
    }

    /// With further definitions.
    pub fn more(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    /// With this body of `on-timer`; it leaves an address, and at 1024 all zero means no messages.
    pub fn on_timer(self, body: &str) -> Self {
        self.more(&format!(
            r#"(func (export "tailrace:plugin/timed@0.2.0#on-timer")
                (param $name i32) (param $name_len i32) (param $key i32) (param $key_len i32) (param $at i64)
                (param $payload i32) (param $payload_len i32) (param $set_by i64) (result i32)
                (global.set $next (i32.const 4096))
                {body})"#
        ))
    }

    /// The text of the module.
    pub fn text(&self) -> String {
        let Self {
            imports,
            pages,
            data,
            more,
            configure,
            process,
        } = self;
        format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (global $next (mut i32) (i32.const 4096))
                (data (i32.const 0) "{data}")
                {more}
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func $configure (export "tailrace:plugin/transform@0.2.0#configure")
                    (param $config i32) (param $config_len i32) (result i32)
                    {configure})
                (func $process (export "tailrace:plugin/transform@0.2.0#process")
                    (param $sequence i64) (param $time i64)
                    (param $subject i32) (param $subject_len i32) (param $key i32) (param $key_len i32)
                    (param $headers i32) (param $headers_len i32)
                    (param $payload i32) (param $payload_len i32) (result i32)
                    (global.set $next (i32.const 4096))
                    {process}))"#
        )
    }

    /// As cargo would leave it: a core module with the component's type in a custom section.
    pub fn module(&self) -> Bytes {
        with_type(&self.text())
    }
}

/// A core module of this text, with the type of the world `transformer`; of `timed-transformer` if it wakes up.
pub fn with_type(text: &str) -> Bytes {
    let world = if text.contains("#on-timer\"") {
        "timed-transformer"
    } else {
        "transformer"
    };
    let mut module = wat::parse_str(text).expect("the guest's text is right");
    let mut resolve = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = resolve.push_dir(folder).expect("wit/ parses");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the type is embedded");
    Bytes::from(module)
}
