//! From a project to a component: the tools of its language make a core module or a component without WASI, the
//! sandbox's own admission turns it into a component and checks it as an upload is checked. What builds here is
//! accepted there.
//!
//! Why: docs/decisions/0115-languages-build-with-their-own-tools.md

mod contract;
mod inputs;
mod javascript;
mod plain;

mod python;
mod rust;
mod steps;
mod tools;

use std::path::PathBuf;

use anyhow::Context as _;
use bytes::Bytes;
use tailrace_core::ports::plugins::{Admitted, PluginError, PluginRuntime};

use self::{inputs::Inputs, steps::make_folder};
use super::{
    project::{Project, ProjectSource},
    scaffold::Language,
    stamp,
};
use crate::cli::error::misuse;

/// A component on disk.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// What it turned out to be.
    pub admitted: Admitted,
}

/// Builds a project's component.
pub fn build(project: &Project, runtime: &dyn PluginRuntime) -> anyhow::Result<Built> {
    let path = project.component();
    let inputs = match &project.source {
        // Cargo knows itself what is fresh, and a C compiler is done at once.
        ProjectSource::Rust { .. } | ProjectSource::Plain(_) => None,
        // Neither gives the same bytes twice, and a version that is uploaded again must be the same.
        ProjectSource::Python(_) => Some(Inputs::of(project, python::TOOL, Language::Python)?),
        ProjectSource::Node(_) => Some(Inputs::of(project, javascript::TOOL, Language::JavaScript)?),
    };
    if let Some(component) = inputs.as_ref().and_then(|inputs| inputs.built(&path)) {
        let admitted = admit(runtime, component)?;
        return Ok(Built { path, admitted });
    }
    let made = project.made();
    make_folder(&made)?;
    let component = match &project.source {
        ProjectSource::Rust { library } => {
            admit(runtime, rust::module(project, library.as_deref())?)?.component
        }
        ProjectSource::Plain(source) => {
            let module = contract::embed(plain::module(project, source, &made)?)?;
            admit(runtime, module)?.component
        }
        ProjectSource::Python(source) => python::component(project, source, &made)?.into(),
        ProjectSource::Node(source) => javascript::component(project, source, &made)?.into(),
    };
    // The stamp is a part of what the digest is of.
    let stamped = stamp::put(&component, &project.name, &project.version);
    let admitted = admit(runtime, stamped)?;
    std::fs::write(&path, &admitted.component).with_context(|| format!("cannot write {}", path.display()))?;
    if let Some(inputs) = inputs {
        inputs.keep(&path)?;
    }
    Ok(Built { path, admitted })
}

/// Checks a module or component as the server would, and turns a module into a component.
pub fn admit(runtime: &dyn PluginRuntime, upload: Vec<u8>) -> anyhow::Result<Admitted> {
    runtime.admit(&Bytes::from(upload)).map_err(|cause| match cause {
        PluginError::Engine(_) => cause.into(),
        refused => misuse(
            refused.to_string(),
            "mend that and build again: the server would refuse it too",
        ),
    })
}
