//! What a binary may contain, counted before `wit-component` and Cranelift see it: both are happy to
//! spend minutes and gigabytes on a file that is valid and small. The bounds are several times what
//! the largest honest guest (Python, 18 MB) is known to need.

use tailrace_core::ports::plugins::PluginError;
use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::admission::invalid;

/// Modules and components within a component; a Python guest has some 40.
const MAX_MODULES: usize = 200;
/// Functions of all modules; an interpreter has some ten thousand.
const MAX_FUNCTIONS: u32 = 100_000;
/// Body of one function. Register allocation takes more than linear time and memory in it.
const MAX_FUNCTION_BYTES: usize = 1 << 20;
/// Locals of one function, parameters left out. Three bytes can declare thousands.
const MAX_LOCALS: u32 = 10_000;
/// Blocks within blocks. A `switch` makes one for each of its cases.
const MAX_NESTING: usize = 4_000;

/// Refuses a binary that contains too much of something.
pub(crate) fn check(binary: &[u8]) -> Result<(), PluginError> {
    let mut modules = 0;
    let mut functions: u32 = 0;
    for payload in Parser::new(0).parse_all(binary) {
        match payload.map_err(|cause| invalid(&cause.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                modules += 1;
                within("nested modules", modules, MAX_MODULES)?;
            }
            Payload::CodeSectionStart { count, .. } => {
                functions = functions.saturating_add(count);
                within("functions", functions as usize, MAX_FUNCTIONS as usize)?;
            }
            Payload::CodeSectionEntry(body) => check_function(&body)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_function(body: &FunctionBody<'_>) -> Result<(), PluginError> {
    within("bytes of one function", body.as_bytes().len(), MAX_FUNCTION_BYTES)?;
    let broken = |cause: wasmparser::BinaryReaderError| invalid(&cause.to_string());
    let mut locals: u32 = 0;
    for group in body.get_locals_reader().map_err(broken)? {
        let (count, _) = group.map_err(broken)?;
        locals = locals.saturating_add(count);
    }
    within("locals of one function", locals as usize, MAX_LOCALS as usize)?;
    let mut depth: usize = 0;
    for operator in body.get_operators_reader().map_err(broken)? {
        match operator.map_err(broken)? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        within("nested blocks", depth, MAX_NESTING)?;
    }
    Ok(())
}

fn within(what: &str, count: usize, most: usize) -> Result<(), PluginError> {
    if count <= most {
        return Ok(());
    }
    Err(PluginError::Invalid(format!(
        "the plugin has {count} {what}, and at most {most} are taken; split what generated it"
    )))
}
