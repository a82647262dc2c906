//! What an upload must be. A core module is turned into a component, so a tenant needs no tool but
//! cargo; whatever imports more than the contract is refused, with the way to build without it.
//!
//! Why: docs/decisions/0053-closed-list-of-wasm-features.md

use std::collections::BTreeSet;

use bytes::Bytes;
use tailrace_core::{grant::Grant, ports::plugins::PluginError};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::{
    host::{LINES, PACKAGE, interface},
    invalid::invalid,
    structure,
};

/// Largest upload: a Python guest has 18 MB.
pub const MAX_UPLOAD_BYTES: usize = 32 << 20;

/// A component out of an upload: itself, or the core module's.
pub fn componentize(upload: &Bytes) -> Result<Bytes, PluginError> {
    if upload.len() > MAX_UPLOAD_BYTES {
        let size = upload.len();
        return Err(PluginError::Invalid(format!(
            "the plugin has {size} bytes; at most {MAX_UPLOAD_BYTES} are taken"
        )));
    }
    let encoding = encoding(upload)?;
    structure::check(upload)?;
    match encoding {
        Encoding::Component => Ok(upload.clone()),
        Encoding::Module => from_module(upload),
    }
}

fn encoding(upload: &[u8]) -> Result<Encoding, PluginError> {
    if upload.is_empty() {
        let reason = "the file is empty; upload the .wasm file that `tailrace plugin build` prints";
        return Err(PluginError::Invalid(reason.to_owned()));
    }
    if !upload.starts_with(b"\0asm") {
        let beginning: String = upload
            .iter()
            .take(16)
            .map(|byte| byte.escape_ascii().to_string())
            .collect();
        return Err(PluginError::Invalid(format!(
            "this is no WebAssembly: it begins with \"{beginning}\", not with \"\\0asm\"; upload the .wasm file that `tailrace plugin build` prints"
        )));
    }
    match Parser::new(0).parse_all(upload).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(cause)) => Err(invalid(&cause.to_string())),
        _ => Err(invalid("it has no version")),
    }
}

fn from_module(module: &Bytes) -> Result<Bytes, PluginError> {
    let broken = |cause: wasmparser::BinaryReaderError| invalid(&cause.to_string());
    let mut processes = false;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(broken)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    grant(import.map_err(broken)?.module)?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let name = export.map_err(broken)?.name;
                    let interface = name.strip_suffix("#process");
                    processes |= interface.is_some_and(|interface| is_interface(interface, "transform"));
                }
            }
            _ => {}
        }
    }
    if !processes {
        return Err(PluginError::NoExport(interface("transform")));
    }
    let encoder = ComponentEncoder::default();
    let encoded = encoder
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded
        .map(Bytes::from)
        .map_err(|cause| invalid(&format!("the core module cannot be made a component: {cause:#}")))
}

/// Imports of a component, as the rights that it needs.
pub(crate) fn imports(component: &[u8]) -> Result<BTreeSet<Grant>, PluginError> {
    let mut grants = BTreeSet::new();
    let mut exports_transform = false;
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|cause| invalid(&cause.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|cause| invalid(&cause.to_string()))?;
                    grants.extend(grant(import.name.name)?);
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|cause| invalid(&cause.to_string()))?;
                    exports_transform |= is_interface(export.name.name, "transform");
                }
            }
            _ => {}
        }
    }
    if exports_transform {
        Ok(grants)
    } else {
        Err(PluginError::NoExport(interface("transform")))
    }
}

/// The right that an import needs; none for the shared types and for last words.
fn grant(import: &str) -> Result<Option<Grant>, PluginError> {
    let known = [
        ("state", Some(Grant::State)),
        ("vectors", Some(Grant::Vectors)),
        ("sketches", Some(Grant::Sketches)),
        ("timers", Some(Grant::Timers)),
        ("tables", Some(Grant::Tables)),
        ("log", Some(Grant::Log)),
        ("panics", None),
        ("types", None),
    ];
    let found = known.iter().find(|(name, _)| is_interface(import, name));
    found.map(|(_, grant)| *grant).ok_or_else(|| foreign(import))
}

/// Whether a full name is this interface, in a version of the engine's lines.
fn is_interface(full: &str, name: &str) -> bool {
    let version = full
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix('@'));
    let Some((line, patch)) = version.and_then(|version| version.rsplit_once('.')) else {
        return false;
    };
    LINES.contains(&line) && !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
}

fn foreign(import: &str) -> PluginError {
    let hint = if import.starts_with("wasi") {
        "plugins have no WASI. Rust: build for wasm32-unknown-unknown, not for wasm32-wasip1 or -wasip2 (`tailrace plugin build` does). Python: componentize-py … --stub-wasi"
    } else if import.starts_with("__wbindgen") || import == "wbg" {
        "it was built with wasm-bindgen; remove the crates that use it (often: the js features of getrandom, chrono or uuid)"
    } else if import.starts_with(PACKAGE) {
        "this engine has state, vectors, sketches, timers, tables, log and panics in version 0.2.0, and all but timers and tables in 0.1.0"
    } else {
        "a plugin may import nothing else; see which dependency brings it in"
    };
    PluginError::Import {
        import: import.chars().take(120).collect(),
        hint: hint.to_owned(),
    }
}
