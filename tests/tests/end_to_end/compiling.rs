//! Compilation in a child process: the real one, alone and behind the API. How the parent judges the
//! ways in which a child can end is tested beside the sandbox.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::Context as _;
use tailrace_tests::{cluster::eventually, files};

use crate::{Stage, probe};

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

/// A component of one function, with an export by which it passes for a plugin until it is compiled.
fn component(function: &str) -> anyhow::Result<Vec<u8>> {
    Ok(wat::parse_str(format!(
        r#"(component
            (core module {function})
            (core module $p (func (export "f")))
            (core instance $i (instantiate $p))
            (func $f (canon lift (core func $i "f")))
            (instance $transform (export "configure" (func $f)) (export "process" (func $f)))
            (export "tailrace:plugin/transform@0.2.0" (instance $transform)))"#
    ))?)
}

/// A hundred kilobytes within every structural bound, that the compiler makes gigabytes of: each of
/// thousands of loops within loops has to carry each of thousands of locals.
fn bomb() -> anyhow::Result<Vec<u8>> {
    let (loops, locals) = (3_900, 9_000);
    let change = |local: usize| format!("(local.set {local} (i64.add (local.get {local}) (i64.const 1)))");
    let change = (0..locals).fold(String::new(), |all, local| all + &change(local));
    let begin = "loop ".repeat(loops);
    let end = "i32.const 0 br_if 0 end ".repeat(loops);
    component(&format!(
        "(func (local {}) {begin} {change} {end})",
        "i64 ".repeat(locals)
    ))
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
fn what_lies_at_the_structural_bounds_is_compiled() -> anyhow::Result<()> {
    let blocks = 3_900;
    let nested = format!("(func {} {})", "(block ".repeat(blocks), ")".repeat(blocks));
    let (status, answer) = compile(component(&nested)?)?;
    assert!(status.success() && answer.first() == Some(&0), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_that_structure_cannot_see_is_the_tenants_own_loss() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("serves", &probe("serves", 1, "")).await?;
    let upload = stage.engine.own("PUT", "plugins/bomb/versions/1.0.0", bomb()?);
    let serves = async {
        stage
            .cluster
            .publish("shop.events.x", [r#"{"user":"u1","do":"count"}"#])
            .await?;
        stage.engine.caught_up("serves", 1).await
    };
    let (refused, served) = tokio::join!(upload, serves);
    served?;
    let refused = refused?;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.body["code"], "plugin-too-costly", "{refused:?}");
    let kept = stage.engine.own("GET", "plugins/bomb/versions/1.0.0", "").await?;
    assert_eq!(kept.status, 404, "{kept:?}");
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
        .filter(|name| !name.contains(".cwasm") && name != "empty")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    Ok(())
}
