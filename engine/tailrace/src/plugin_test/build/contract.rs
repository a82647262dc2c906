//! The contract as a tool of another language takes it: the folder `wit`, with a world of only what a plugin is
//! granted. Bindings import every interface of their world, whether it is called or not.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tailrace_core::grant::Grant;
use wasmparser::{Parser, Payload};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use super::steps::make_folder;
use crate::plugin_test::scaffold::WIT;

/// The world of what is built: a plugin that wakes up by timers. The SDK answers for a plugin that does not.
pub(super) const WORLD: &str = "timed-transformer";
/// The world of a module that was made with an SDK of before.
const WORLD_WITHOUT_TIMERS: &str = "transformer";
/// What a module of the first world exports, behind the name of its interface.
const ON_TIMER: &str = "#on-timer";
/// The file that it stands in.
const WORLD_FILE: &str = "world.wit";
/// Imports that need no grant.
const FREE: [&str; 1] = ["panics"];

/// Writes the contract with the imports of these grants into a folder below `made`; gives that folder.
pub(super) fn write(made: &Path, grants: &[Grant]) -> anyhow::Result<PathBuf> {
    let folder = made.join("wit");
    make_folder(&folder)?;
    for (name, text) in WIT {
        let file = folder.join(name);
        let text = if *name == WORLD_FILE {
            world(text, &interfaces(grants)?)
        } else {
            (*text).to_owned()
        };
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(folder)
}

/// A core module with the contract in it, which admission turns into a component. What the module does not import
/// is left out there.
pub(super) fn embed(mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let mut texts = SourceMap::default();
    for (name, text) in WIT {
        texts.push_str(name, (*text).to_owned());
    }
    let group = texts
        .parse()
        .map_err(|(_, cause)| anyhow::anyhow!("the contract does not read: {cause}"))?;
    let package = resolve.push_group(group)?;
    let name = if wakes_up(&module)? {
        WORLD
    } else {
        WORLD_WITHOUT_TIMERS
    };
    let world = resolve.select_world(&[package], Some(name))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// Whether a core module can be woken up: a project keeps its own SDK, which may be older than this program.
fn wakes_up(module: &[u8]) -> anyhow::Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ExportSection(exports) = payload? else {
            continue;
        };
        for export in exports {
            if export?.name.ends_with(ON_TIMER) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Imports of these grants and the free ones: the word, and the full name such as `tailrace:plugin/state@0.2.0`.
pub(super) fn imports(grants: &[Grant]) -> anyhow::Result<Vec<(String, String)>> {
    let package = WIT.iter().find_map(|(_, text)| {
        let named = text.lines().find_map(|line| line.strip_prefix("package "))?;
        named.strip_suffix(';')?.split_once('@')
    });
    let (package, version) = package.context("the contract names no package")?;
    let free = FREE.iter().map(|name| (*name).to_owned());
    let full = |name: String| {
        let full = format!("{package}/{name}@{version}");
        (name, full)
    };
    Ok(interfaces(grants)?.into_iter().chain(free).map(full).collect())
}

/// Names of the interfaces of grants. The same word names both.
fn interfaces(grants: &[Grant]) -> anyhow::Result<Vec<String>> {
    let name = |grant: &Grant| Ok(serde_json::from_value(serde_json::to_value(grant)?)?);
    grants.iter().map(name).collect()
}

/// The world without the imports that are neither granted nor free.
fn world(text: &str, granted: &[String]) -> String {
    let is_kept = |line: &&str| {
        let imported = line.trim().strip_prefix("import ");
        let imported = imported.and_then(|rest| rest.strip_suffix(';'));
        imported.is_none_or(|name| FREE.contains(&name) || granted.iter().any(|granted| granted == name))
    };
    let kept: Vec<&str> = text.lines().filter(is_kept).collect();
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_imports_what_is_granted_and_panics() {
        let text = WIT.iter().find(|(name, _)| *name == WORLD_FILE).unwrap().1;
        let world = world(text, &interfaces(&[Grant::State]).unwrap());
        let imports: Vec<&str> = world
            .lines()
            .filter_map(|line| line.trim().strip_prefix("import "))
            .collect();
        assert_eq!(imports, ["state;", "panics;"]);
        assert!(world.contains("export transform;"));
        assert!(world.contains("export timed;"), "the world of what is built");
    }

    #[test]
    fn a_module_of_an_older_sdk_has_the_older_world() {
        let exporting = |name: &str| {
            // A type `() -> ()`, one function of it, its export, and its body.
            let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07".to_vec();
            let size = u8::try_from(name.len()).unwrap();
            module.extend([size + 4, 1, size]);
            module.extend(name.as_bytes());
            module.extend(b"\0\0\x0a\x04\x01\x02\0\x0b");
            module
        };
        assert!(wakes_up(&exporting("tailrace:plugin/timed@0.2.0#on-timer")).unwrap());
        assert!(!wakes_up(&exporting("tailrace:plugin/transform@0.2.0#process")).unwrap());
    }

    #[test]
    fn the_contract_goes_into_a_module() {
        let module = embed(b"\0asm\x01\0\0\0".to_vec()).unwrap();
        assert!(module.len() > 100);
    }
}
