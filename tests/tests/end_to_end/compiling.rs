//! Compilation in a child process: the real one, alone and behind the API. How the parent judges the
//! ways in which a child can end is tested beside the sandbox.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::Context as _;
use tailrace_tests::{cluster::eventually, files};

use crate::Stage;

fn child() -> anyhow::Result<Child> {
    let child = Command::new(files::binary()?)
        .arg("compile-plugin")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// What a child makes of these bytes: how it ended, and its answer.
fn compile(bytes: Vec<u8>) -> anyhow::Result<(ExitStatus, Vec<u8>)> {
    let mut child = child()?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    let writer = std::thread::spawn(move || {
        // A child that dies does not read to the end.
        let _ = stdin.write_all(&bytes);
    });
    let mut answer = Vec::new();
    child.stdout.take().context("a pipe")?.read_to_end(&mut answer)?;
    let status = child.wait()?;
    let _ = writer.join();
    Ok((status, answer))
}

/// A component of one function with this body.
fn bomb(function: &str) -> anyhow::Result<Vec<u8>> {
    Ok(wat::parse_str(format!("(component (core module {function}))"))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_binds_its_own_hands_before_it_reads() -> anyhow::Result<()> {
    let mut child = child()?;
    let limits = format!("/proc/{}/limits", child.id());
    let hard = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let words: Vec<&str> = line[name.len()..].split_whitespace().collect();
        words.get(1).map(|hard| (*hard).to_owned())
    };
    // It waits for its input, which does not come, so there is time to look.
    eventually("the child has limited itself", || async {
        std::fs::read_to_string(&limits)
            .is_ok_and(|text| hard(&text, "Max cpu time") == Some("65".to_owned()))
    })
    .await?;
    let text = std::fs::read_to_string(&limits)?;
    for (name, most) in [
        ("Max address space", "2147483648"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max open files", "16"),
    ] {
        assert_eq!(hard(&text, name).as_deref(), Some(most), "{name}\n{text}");
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[test]
fn a_child_refuses_what_is_no_component_and_ends_well() -> anyhow::Result<()> {
    for bytes in [Vec::new(), b"\0asm\x01\0\0\0".to_vec(), vec![0xff; 100_000]] {
        let (status, answer) = compile(bytes)?;
        assert!(status.success(), "{status}");
        assert_eq!(answer.first(), Some(&1), "a refusal");
    }
    Ok(())
}

#[test]
fn a_bomb_that_structure_cannot_see_ends_within_the_childs_limits() -> anyhow::Result<()> {
    // A kilobyte that unfolds to a hundred million instances; admission refuses it, the child must bear it.
    let levels: String = (1..27)
        .map(|level| {
            format!(
                "(component $c{level} (alias outer 1 $c{} (component $below)) (instance (instantiate $below)) (instance (instantiate $below)))",
                level - 1
            )
        })
        .collect();
    let doubling = format!(
        "(component (component $c0 (core module $m) (core instance (instantiate $m))) {levels} (instance (instantiate $c26)))"
    );
    let (status, answer) = compile(wat::parse_str(doubling)?)?;
    let out_of_memory = status.signal() == Some(6);
    let out_of_time = status.signal() == Some(24);
    assert!(
        out_of_memory || out_of_time || answer.first() == Some(&1),
        "{status}, {} bytes of answer",
        answer.len()
    );
    // What is at the structural bounds is compiled.
    let blocks = 3_900;
    let nested = format!("(func {} {})", "(block ".repeat(blocks), ")".repeat(blocks));
    let (status, answer) = compile(bomb(&nested)?)?;
    assert!(status.success() && answer.first() == Some(&0), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_compiled_in_a_child_and_leaves_nothing_but_the_artefact() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let answer = stage
        .engine
        .own(
            "PUT",
            "plugins/validator/versions/1.0.0",
            files::plugin("validator")?,
        )
        .await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let compiled = &answer.body["compiled"];
    assert!(
        compiled["processor_ms"].is_u64() && compiled["artefact_bytes"].as_u64() > Some(10_000),
        "it was compiled in a child: {answer:?}"
    );
    assert!(
        answer.body["memory"]["initial_bytes"].as_u64() > Some(0),
        "{answer:?}"
    );
    let artefacts = stage.engine.data_dir().join("artefacts");
    let names = |folder: &Path| -> anyhow::Result<Vec<String>> {
        let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        Ok(entries
            .iter()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect())
    };
    assert!(names(&artefacts.join("empty"))?.is_empty());
    let others: Vec<String> = names(&artefacts)?
        .into_iter()
        .filter(|name| !name.ends_with(".cwasm") && name != "empty")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    Ok(())
}
