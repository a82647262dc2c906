//! Python: `componentize-py` puts an interpreter, its standard library and the plugin into one component. All of WASI
//! is replaced by stubs that trap; `_still.py` and `_sealed.py` of the SDK stand before those that a plugin could
//! reach.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::{
    contract,
    steps::{make_folder, run},
    tools::{self, progress},
};
use crate::plugin_test::{
    project::{Project, PythonSource},
    scaffold::{self, Language},
};

/// The tool, for the record of a build.
pub(super) const TOOL: &str = "componentize-py 0.25.1";
const PACKAGE: &str = "componentize-py";
const VERSION: &str = "0.25.1";

/// The module that the component begins with. No module of a plugin has this name.
const ENTRY: &str = "tailrace_entry";

/// Builds the component.
pub(super) fn component(project: &Project, source: &PythonSource, made: &Path) -> anyhow::Result<Vec<u8>> {
    let python = tools::python_with(PACKAGE, VERSION)?;
    let wit = contract::write(made, &source.grants)?;
    let entry = made.join("entry");
    make_folder(&entry)?;
    let file = entry.join(format!("{ENTRY}.py"));
    std::fs::write(&file, text(source)).with_context(|| format!("cannot write {}", file.display()))?;
    scaffold::sdk(&project.folder, &entry, Language::Python)?;
    let packages = packages(&python, source, made)?;
    progress(&format!("building {} with {TOOL}", project.name));
    let component = made.join("unstamped.wasm");
    let mut tool = Command::new(python);
    tool.args([
        "-c",
        "import sys; from componentize_py import script; sys.exit(script())",
        "-d",
    ])
    .arg(&wit)
    .args(["-w", contract::WORLD, "componentize", "--stub-wasi"]);
    for path in [Some(&project.folder), Some(&entry), packages.as_ref()]
        .into_iter()
        .flatten()
    {
        tool.arg("-p").arg(path);
    }
    tool.arg("-o").arg(&component).arg(ENTRY).current_dir(made);
    run(&mut tool, &format!("build {}", project.name))?;
    let bytes = std::fs::read(&component).with_context(|| format!("cannot read {}", component.display()))?;
    let _ = std::fs::remove_file(&component);
    Ok(bytes)
}

/// The entry: time and randomness are in place before the plugin loads. The tool makes an object for each call, so
/// what lasts is one of the module.
fn text(source: &PythonSource) -> String {
    let PythonSource { module, class, .. } = source;
    format!(
        "from tailrace import _still\n\n_still.install()\n\nimport {module} as _module\n\
         from tailrace._guest import Guest\n\n\
         if not hasattr(_module, '{class}'):\n    \
         raise AttributeError('{module}.py has no class {class}, which [tool.tailrace] of pyproject.toml names')\n\
         _guest = Guest(_module.{class})\n\n\nclass Transform:\n    \
         def configure(self, config):\n        _guest.configure(config)\n\n    \
         def process(self, event):\n        return _guest.process(event)\n\n\nclass Timed:\n    \
         def on_timer(self, timer):\n        return _guest.on_timer(timer)\n"
    )
}

/// The folder of the packages that the plugin depends on, in pure Python.
fn packages(python: &Path, source: &PythonSource, made: &Path) -> anyhow::Result<Option<PathBuf>> {
    if source.dependencies.is_empty() {
        return Ok(None);
    }
    let folder = made.join("packages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // A wheel with machine code would load nowhere in a component.
    pip.args(["--only-binary=:all:", "--platform=any", "--target"])
        .arg(&folder)
        .args(&source.dependencies);
    run(
        &mut pip,
        "install the dependencies; a plugin takes packages in pure Python only",
    )?;
    Ok(Some(folder))
}
