//! The pages for users do what they say: every command of README, tutorials and how-to guides runs here, in
//! the order of its page, in a folder of its own, against a real nats-server and the engine that was built.
//! A page that is wrong fails its test, which names the page, the line, the command and what it printed.
//!
//! A page says with its fences what is to happen (see [`page`]); [`session`] is the shell that does it.
//! Readers see none of it: Markdown shows the first word of a fence at most.

mod page;
mod session;

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::Context as _;
use tailrace_tests::files::{binary, root};

use self::{
    page::{Block, Kind, Page},
    session::Session,
};

/// Makes a test of each page.
macro_rules! pages {
    ($($test:ident: $path:literal,)*) => {
        /// Pages whose commands run.
        const PAGES: &[&str] = &[$($path),*];

        $(#[test]
        fn $test() -> anyhow::Result<()> {
            run($path)
        })*
    };
}

pages! {
    readme: "README.md",
    tutorial_index: "docs/tutorial/README.md",
    tutorial_first_plugin: "docs/tutorial/first-plugin.md",
    tutorial_recommendations: "docs/tutorial/recommendations.md",
    how_to_index: "docs/how-to/README.md",
    how_to_alarms: "docs/how-to/alarms.md",
    how_to_backup_and_restore: "docs/how-to/backup-and-restore.md",
    how_to_canary_and_shadow: "docs/how-to/canary-and-shadow.md",
    how_to_completions: "docs/how-to/completions.md",
    how_to_cloudevents: "docs/how-to/cloudevents.md",
    how_to_compose: "docs/how-to/compose.md",
    how_to_console: "docs/how-to/console.md",
    how_to_consume_results: "docs/how-to/consume-results.md",
    how_to_dead_letters: "docs/how-to/dead-letters.md",
    how_to_docker: "docs/how-to/docker.md",
    how_to_doctor: "docs/how-to/doctor.md",
    how_to_embed: "docs/how-to/embed.md",
    how_to_handle_failures: "docs/how-to/handle-failures.md",
    how_to_kubernetes: "docs/how-to/kubernetes.md",
    how_to_metrics_and_traces: "docs/how-to/metrics-and-traces.md",
    how_to_nats_account: "docs/how-to/nats-account.md",
    how_to_plugins_in_c_and_zig: "docs/how-to/plugins-in-c-and-zig.md",
    how_to_plugins_in_javascript: "docs/how-to/plugins-in-javascript.md",
    how_to_plugins_in_python: "docs/how-to/plugins-in-python.md",
    how_to_production: "docs/how-to/production.md",
    how_to_publish_events: "docs/how-to/publish-events.md",
    how_to_quotas: "docs/how-to/quotas.md",
    how_to_rate_limits: "docs/how-to/rate-limits.md",
    how_to_roll_back: "docs/how-to/roll-back.md",
    how_to_schemas: "docs/how-to/schemas.md",
    how_to_second_engine: "docs/how-to/second-engine.md",
    how_to_sketches: "docs/how-to/sketches.md",
    how_to_systemd: "docs/how-to/systemd.md",
    how_to_timers: "docs/how-to/timers.md",
    how_to_tls: "docs/how-to/tls.md",
    how_to_tokens_and_audit: "docs/how-to/tokens-and-audit.md",
    how_to_upgrade: "docs/how-to/upgrade.md",
    how_to_watch: "docs/how-to/watch.md",
    how_to_windows: "docs/how-to/windows.md",
    how_to_joins: "docs/how-to/joins.md",
    how_to_tables: "docs/how-to/tables.md",
}

/// Folders in which every page is one of [`PAGES`].
const FOLDERS: [&str; 2] = ["docs/tutorial", "docs/how-to"];

/// Reasons for which a command may not run here, and how many commands each is good for. A block more, or a
/// reason more, is a decision.
const NOT_RUN: [(&str, usize); 9] = [
    // Each is run by the tests of languages.
    ("brings the tools of a language", 4),
    ("compiles the engine", 5),
    ("there is no backup to restore here", 1),
    ("deletes everything", 1),
    ("installs a program", 2),
    ("needs Docker", 10),
    ("needs Kubernetes", 5),
    ("needs systemd", 3),
    ("runs for minutes", 1),
];

/// Runs a page: the one that it begins with, then its own blocks.
fn run(path: &str) -> anyhow::Result<()> {
    let page = Page::read(&root(), path)?;
    let mut session = Session::start()?;
    if let Some(first) = &page.begins_with {
        let before = Page::read(&root(), first)?;
        session
            .play(&before)
            .with_context(|| format!("{path} begins with {first}"))?;
    }
    session.play(&page)
}

#[test]
fn every_page_for_users_is_run() -> anyhow::Result<()> {
    let mut found = BTreeSet::from(["README.md".to_owned()]);
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root().join(folder))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|kind| kind == "md") {
                found.insert(format!("{folder}/{name}"));
            }
        }
    }
    let known: BTreeSet<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(
        found, known,
        "the list of pages above has every page, and no other"
    );
    Ok(())
}

#[test]
fn few_commands_are_left_out_and_each_says_why() -> anyhow::Result<()> {
    let mut left_out = Vec::new();
    for path in PAGES {
        for block in Page::read(&root(), path)?.blocks {
            if let Kind::NotRun(why) = block.kind {
                left_out.push((why, format!("{path}:{}", block.line)));
            }
        }
    }
    for (why, place) in &left_out {
        let known = NOT_RUN.iter().find(|(known, _)| known == why);
        let (_, most) = known.with_context(|| format!("{place}: {why:?} is no reason that is allowed"))?;
        let places: Vec<_> = left_out.iter().filter(|(other, _)| other == why).collect();
        assert!(
            places.len() <= *most,
            "{why:?} leaves out more than {most}: {places:?}"
        );
    }
    println!("{} blocks of commands are not run", left_out.len());
    Ok(())
}

/// Parts of the engine's configuration that pages show without using them.
#[test]
fn the_configuration_that_pages_show_is_one_that_the_engine_takes() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tailrace.toml");
    let mut count = 0;
    for path in PAGES {
        let blocks = Page::read(&root(), path)?.blocks.into_iter();
        // `[tool.…]` is of a plugin's pyproject.toml.
        let is_ours = |block: &Block| block.language == "toml" && !block.text.starts_with("[tool.");
        for block in blocks.filter(|block| is_ours(block) && block.kind == Kind::Shown) {
            std::fs::write(&file, &block.text)?;
            let mut command = Command::new(binary()?);
            command.args(["serve", "--print-config", "--config"]).arg(&file);
            let done = command.output()?;
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{path}:{}: {said}", block.line);
            count += 1;
        }
    }
    assert!(count > 3, "{count} were found");
    Ok(())
}

/// `make lint` runs it over all pages.
#[test]
fn the_check_of_pages_names_what_is_wrong() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let check = |text: String| -> anyhow::Result<(bool, String)> {
        std::fs::write(folder.path().join("README.md"), text)?;
        let mut command = Command::new("python3");
        let done = command
            .arg(root().join("tests/tools/pages.py"))
            .arg(folder.path())
            .output()?;
        Ok((done.status.success(), String::from_utf8(done.stderr)?))
    };
    let sound = "# A page\n\nSee [below](#the-end) and [the web](https://example.com).\n\n```sh\n[x](y)\n```\n\n## The end\n";
    assert_eq!(check(sound.to_owned())?, (true, String::new()));
    for (wrong, word) in [
        (
            "[a file](docs/nothing.md)".to_owned(),
            "README.md:11: docs/nothing.md leads nowhere",
        ),
        (
            "[a file](../outside.md)".to_owned(),
            "../outside.md leads nowhere",
        ),
        (
            "[a heading](#the-middle)".to_owned(),
            "no heading for #the-middle",
        ),
        (
            format!("This is{}.", " long".repeat(31)),
            "a sentence of 33 words",
        ),
        (
            format!("This is{}.\n\n", " long".repeat(24)).repeat(13),
            "13 sentences have more than 25 words",
        ),
    ] {
        let (passed, said) = check(format!("{sound}\n{wrong}\n"))?;
        assert!(!passed && said.contains(word), "{wrong}: {said}");
    }
    Ok(())
}

/// What README shows is what `tailrace plugin new` makes, and the tutorial builds and runs that.
#[test]
fn the_plugin_in_readme_is_the_one_that_a_newcomer_gets() -> anyhow::Result<()> {
    let template = root().join("engine/tailrace/src/plugin_test/scaffold/rust/lib.rs.in");
    let template = std::fs::read_to_string(template)?.replace("{TYPE}", "Clicks");
    let blocks = Page::read(&root(), "README.md")?.blocks;
    let shown = blocks.iter().find(|block| block.language == "rust");
    let shown = shown.context("README shows a plugin")?.text.trim();
    assert!(
        template.contains(shown),
        "the template has another plugin:\n{template}"
    );
    Ok(())
}
