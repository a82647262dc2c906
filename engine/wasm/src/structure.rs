//! What a binary may contain, counted before `wit-component` and Cranelift see it: both are happy to
//! spend minutes and gigabytes on a file that is valid and small. The bounds are several times what
//! the largest honest guest (Python, 18 MB) is known to need.
//!
//! Why: docs/decisions/0055-uploads-are-counted-and-tried.md

use tailrace_core::ports::plugins::{DeclaredMemory, PluginError};
use wasmparser::{ComponentInstance, FunctionBody, MemoryType, Operator, Parser, Payload, TableType};

use crate::{
    engine::{MAX_MEMORY_BYTES, MAX_TABLE_ELEMENTS},
    invalid::invalid,
};

/// Page of a linear memory; the proposal for others is switched off.
const PAGE_BYTES: u64 = 64 * 1024;
/// Modules and components within a component; a Python guest has some 40.
const MAX_MODULES: usize = 200;
/// Instantiations of components by components. wasmtime unfolds them, so a level that instantiates the
/// one below twice doubles what there is; `wit-component` makes one for each exported interface.
const MAX_UNFOLDED: usize = 16;
/// Functions of all modules; an interpreter has some ten thousand.
const MAX_FUNCTIONS: usize = 100_000;
/// Entries of any other kind, of all modules and components: types, globals, exports, segments.
const MAX_ENTRIES: usize = 50_000;
/// Body of one function. Register allocation takes more than linear time and memory in it.
const MAX_FUNCTION_BYTES: usize = 1 << 20;
/// Locals of one function, parameters left out. Three bytes can declare thousands.
const MAX_LOCALS: usize = 10_000;
/// Blocks within blocks. A `switch` makes one for each of its cases.
const MAX_NESTING: usize = 4_000;
/// Targets of all tables of branches of one function. Each is a byte here and an edge in the compiler.
const MAX_TARGETS: usize = 20_000;

/// What has been counted so far.
#[derive(Default)]
struct Counts {
    modules: usize,
    unfolded: usize,
    functions: usize,
}

/// Refuses a binary that contains too much of something.
pub(crate) fn check(binary: &[u8]) -> Result<(), PluginError> {
    let mut counts = Counts::default();
    for payload in Parser::new(0).parse_all(binary) {
        counts.add(&payload.map_err(broken)?)?;
    }
    Ok(())
}

impl Counts {
    fn add(&mut self, payload: &Payload<'_>) -> Result<(), PluginError> {
        if let Some((what, count)) = entries(payload) {
            within(what, count as usize, MAX_ENTRIES)?;
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.modules += 1;
                within("nested modules", self.modules, MAX_MODULES)
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    let unfolds = matches!(instance.map_err(broken)?, ComponentInstance::Instantiate { .. });
                    self.unfolded += usize::from(unfolds);
                    within("instances of components", self.unfolded, MAX_UNFOLDED)?;
                }
                Ok(())
            }
            Payload::TypeSection(groups) => {
                let mut types = 0;
                for group in groups.clone() {
                    types += group.map_err(broken)?.types().len();
                    within("types", types, MAX_ENTRIES)?;
                }
                Ok(())
            }
            Payload::MemorySection(memories) => memories
                .clone()
                .into_iter()
                .try_for_each(|memory| check_memory(&memory.map_err(broken)?)),
            Payload::TableSection(tables) => tables
                .clone()
                .into_iter()
                .try_for_each(|table| check_table(&table.map_err(broken)?.ty)),
            Payload::CodeSectionStart { count, .. } => {
                self.functions += *count as usize;
                within("functions", self.functions, MAX_FUNCTIONS)
            }
            Payload::CodeSectionEntry(body) => check_function(body),
            _ => Ok(()),
        }
    }
}

/// Kind and number of what a section lists, for those whose entries are all alike to us.
fn entries(payload: &Payload<'_>) -> Option<(&'static str, u32)> {
    Some(match payload {
        Payload::TypeSection(list) => ("types", list.count()),
        Payload::ImportSection(list) => ("imports", list.count()),
        Payload::TableSection(list) => ("tables", list.count()),
        Payload::GlobalSection(list) => ("globals", list.count()),
        Payload::ExportSection(list) => ("exports", list.count()),
        Payload::ElementSection(list) => ("element segments", list.count()),
        Payload::DataSection(list) => ("data segments", list.count()),
        Payload::InstanceSection(list) => ("instances of modules", list.count()),
        Payload::CoreTypeSection(list) => ("types of modules", list.count()),
        Payload::ComponentInstanceSection(list) => ("instances", list.count()),
        Payload::ComponentAliasSection(list) => ("aliases", list.count()),
        Payload::ComponentTypeSection(list) => ("types of components", list.count()),
        Payload::ComponentCanonicalSection(list) => ("lifted and lowered functions", list.count()),
        Payload::ComponentImportSection(list) => ("imports", list.count()),
        Payload::ComponentExportSection(list) => ("exports", list.count()),
        _ => return None,
    })
}

/// Memory that no instance could ever have; what a step allows is another matter.
fn check_memory(memory: &MemoryType) -> Result<(), PluginError> {
    let bytes = memory.initial.saturating_mul(PAGE_BYTES);
    within("bytes of memory to begin with", bytes as usize, MAX_MEMORY_BYTES)
}

fn check_table(table: &TableType) -> Result<(), PluginError> {
    within(
        "elements in a table to begin with",
        usize::try_from(table.initial).unwrap_or(usize::MAX),
        MAX_TABLE_ELEMENTS,
    )
}

/// Linear memory that all core modules of a component declare together.
pub(crate) fn memory(component: &[u8]) -> Result<DeclaredMemory, PluginError> {
    let mut memory = DeclaredMemory {
        initial_bytes: 0,
        maximum_bytes: Some(0),
    };
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::MemorySection(declared) = payload.map_err(broken)? {
            for declared in declared {
                let declared = declared.map_err(broken)?;
                let bytes = |pages: u64| pages.saturating_mul(PAGE_BYTES);
                memory.initial_bytes = memory.initial_bytes.saturating_add(bytes(declared.initial));
                let sum = memory.maximum_bytes.zip(declared.maximum);
                memory.maximum_bytes = sum.map(|(sum, more)| sum.saturating_add(bytes(more)));
            }
        }
    }
    Ok(memory)
}

fn check_function(body: &FunctionBody<'_>) -> Result<(), PluginError> {
    within("bytes of one function", body.as_bytes().len(), MAX_FUNCTION_BYTES)?;
    let mut locals: usize = 0;
    for group in body.get_locals_reader().map_err(broken)? {
        let (count, _) = group.map_err(broken)?;
        locals = locals.saturating_add(count as usize);
    }
    within("locals of one function", locals, MAX_LOCALS)?;
    let (mut depth, mut targets) = (0_usize, 0_usize);
    for operator in body.get_operators_reader().map_err(broken)? {
        match operator.map_err(broken)? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            Operator::BrTable { targets: table } => targets += table.len() as usize,
            _ => {}
        }
        within("nested blocks", depth, MAX_NESTING)?;
        within("branch targets of one function", targets, MAX_TARGETS)?;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn broken(cause: wasmparser::BinaryReaderError) -> PluginError {
    invalid(&cause.to_string())
}

fn within(what: &str, count: usize, most: usize) -> Result<(), PluginError> {
    if count <= most {
        return Ok(());
    }
    Err(PluginError::Invalid(format!(
        "the plugin has {count} {what}, and at most {most} are taken; split what generated it"
    )))
}
