//! The languages of plugins: what a new project consists of in each, and the commands that lead on.

use clap::ValueEnum;

/// A language that a plugin can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
    /// Python, built by componentize-py.
    Python,
    /// JavaScript, built by componentize-js.
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// TypeScript, built by componentize-js.
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
    /// C, built by Zig's compiler.
    C,
    /// Zig.
    Zig,
}

/// Where the SDK lies in a project, in most languages.
pub(super) const SDK: &str = "sdk";

/// Place and text of each file, with `{…}` in capitals where a name goes.
type Files = &'static [(&'static str, &'static str)];

const EVENTS: (&str, &str) = ("events.jsonl", include_str!("shared/events.jsonl"));

const RUST: Files = &[
    ("Cargo.toml", include_str!("rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("rust/lib.rs.in")),
    ("pipeline.yaml", include_str!("rust/pipeline.yaml.in")),
    ("README.md", include_str!("rust/README.md.in")),
    (".gitignore", "/target\n"),
    EVENTS,
];

const PYTHON: Files = &[
    ("pyproject.toml", include_str!("python/pyproject.toml.in")),
    ("plugin.py", include_str!("python/plugin.py.in")),
    ("test_plugin.py", include_str!("python/test_plugin.py.in")),
    ("pipeline.yaml", include_str!("python/pipeline.yaml.in")),
    ("README.md", include_str!("python/README.md.in")),
    (".gitignore", "/build\n__pycache__\n"),
    EVENTS,
];

const JAVASCRIPT: Files = &[
    ("package.json", include_str!("javascript/package.json.in")),
    ("src/plugin.js", include_str!("javascript/plugin.js.in")),
    (
        "test/plugin.test.js",
        include_str!("javascript/plugin.test.js.in"),
    ),
    ("pipeline.yaml", include_str!("javascript/pipeline.yaml.in")),
    ("README.md", include_str!("javascript/README.md.in")),
    (".gitignore", "/build\n/node_modules\n"),
    EVENTS,
];

const TYPESCRIPT: Files = &[
    ("package.json", include_str!("typescript/package.json.in")),
    ("tsconfig.json", include_str!("typescript/tsconfig.json")),
    ("src/plugin.ts", include_str!("typescript/plugin.ts.in")),
    (
        "test/plugin.test.ts",
        include_str!("typescript/plugin.test.ts.in"),
    ),
    ("pipeline.yaml", include_str!("javascript/pipeline.yaml.in")),
    ("README.md", include_str!("javascript/README.md.in")),
    (".gitignore", "/build\n/node_modules\n"),
    EVENTS,
];

const C: Files = &[
    ("plugin.toml", include_str!("c/plugin.toml.in")),
    ("src/plugin.c", include_str!("c/plugin.c.in")),
    ("test/plugin_test.c", include_str!("c/test.c.in")),
    ("Makefile", include_str!("c/Makefile")),
    ("pipeline.yaml", include_str!("rust/pipeline.yaml.in")),
    ("README.md", include_str!("c/README.md.in")),
    (".gitignore", "/build\n"),
    EVENTS,
];

const ZIG: Files = &[
    ("plugin.toml", include_str!("zig/plugin.toml.in")),
    ("src/plugin.zig", include_str!("zig/plugin.zig.in")),
    ("Makefile", include_str!("zig/Makefile")),
    ("pipeline.yaml", include_str!("rust/pipeline.yaml.in")),
    ("README.md", include_str!("c/README.md.in")),
    (".gitignore", "/build\n"),
    EVENTS,
];

impl Language {
    /// The files of a new project, without its SDK.
    pub(super) fn files(self) -> Files {
        match self {
            Self::Rust => RUST,
            Self::Python => PYTHON,
            Self::JavaScript => JAVASCRIPT,
            Self::TypeScript => TYPESCRIPT,
            Self::C => C,
            Self::Zig => ZIG,
        }
    }

    /// Names that no project may have: a package of such a name would hide another one.
    pub(super) fn taken(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &[
                "alloc",
                "core",
                "proc-macro",
                "self",
                "serde",
                "std",
                "super",
                "tailrace-sdk",
                "test",
            ],
            Self::Python | Self::JavaScript | Self::TypeScript => &["tailrace", "plugin"],
            Self::C | Self::Zig => &[],
        }
    }

    /// The folder of the SDK in a project. In Python it is a package, which tests find where it lies.
    pub(super) fn sdk(self) -> &'static str {
        match self {
            Self::Python => "tailrace",
            _ => SDK,
        }
    }

    /// Its name, as its people write it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::C => "C",
            Self::Zig => "Zig",
        }
    }

    /// How a source file ends.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Rust => "rs",
            Self::Python => "py",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::C => "c",
            Self::Zig => "zig",
        }
    }

    /// What runs the project's own test.
    pub fn test(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo test"],
            Self::Python => &["python3 -m unittest"],
            Self::JavaScript | Self::TypeScript => &["npm install", "npm test"],
            Self::C | Self::Zig => &["make test"],
        }
    }
}
