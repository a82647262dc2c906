//! Two editors do not overwrite each other in silence: what a client has read is named by a tag, and a change that
//! was meant for something else is refused.

use tailrace_tests::{
    engine::{Engine, OPERATOR},
    http::{self, Answer},
    tenant::Tenant,
};

use crate::{Stage, probe};

fn labelled(label: &str) -> String {
    probe("p", 1, &format!("    config: {{ label: \"{label}\" }}\n"))
}

async fn tag(engine: &Engine) -> anyhow::Result<String> {
    let shown = engine.own("GET", "pipelines/p", "").await?;
    shown.tag.ok_or_else(|| anyhow::anyhow!("it has no tag"))
}

fn is_refused(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.body["code"].as_str()),
        (412, Some("precondition-failed")),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_editors_is_told_that_the_first_was_faster() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    let put = async |header: (&'static str, &str), label: &str| {
        engine
            .own_with("PUT", "pipelines/p", header, labelled(label))
            .await
    };
    is_refused(&put(("if-match", "*"), "r0").await?);
    let made = put(("if-none-match", "*"), "r1").await?;
    assert_eq!(made.status, 200, "{made:?}");
    let read = tag(engine).await?;
    assert_eq!(
        made.tag.as_ref(),
        Some(&read),
        "the answer to a change has the new tag"
    );
    is_refused(&put(("if-none-match", "*"), "r2").await?);

    // Both have read the same. The first change goes through, and its answer has the tag of the next.
    let first = put(("if-match", &read), "first").await?;
    assert_eq!((first.status, &first.body["revision"]), (200, &2.into()));
    is_refused(&put(("if-match", &read), "second").await?);
    let active = engine.own("GET", "pipelines/p", "").await?;
    assert!(active.text.contains("first") && !active.text.contains("second"));
    let next = first.tag.clone().unwrap_or_default();
    assert_eq!(active.tag, first.tag);
    assert_eq!(put(("if-match", &next), "third").await?.status, 200);

    // Nor does one delete what another has changed meanwhile.
    let path = "pipelines/p";
    is_refused(&engine.own_with("DELETE", path, ("if-match", &next), "").await?);
    let now = tag(engine).await?;
    let gone = engine.own_with("DELETE", path, ("if-match", &now), "").await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    // A tag of an ended life is none of the next one's.
    Tenant::shop(engine).apply(engine, "p", &labelled("anew")).await?;
    is_refused(&put(("if-match", &now), "late").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_editors_with_the_same_tag_one_is_accepted() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    engine.apply("p", &labelled("r0")).await?;
    let read = tag(engine).await?;
    let edits = (0..20).map(async |number| {
        let spec = labelled(&format!("editor-{number}"));
        engine
            .own_with("PUT", "pipelines/p", ("if-match", &read), spec)
            .await
    });
    let mut accepted = 0;
    for answer in futures::future::join_all(edits).await {
        let answer = answer?;
        accepted += u32::from(answer.status == 200);
        assert!(matches!(answer.status, 200 | 412), "{answer:?}");
    }
    assert_eq!(accepted, 1);
    assert_eq!(engine.status("p").await?["active_revision"], 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_do_not_overwrite_each_others_tenants() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let url = format!("{}/v1/tenants/desk", stage.engine.url());
    let ask = async |method: &str, header: &[(&'static str, &str)], reads: &str| {
        let body = format!("{{\"read\":[\"{reads}\"],\"write\":[]}}");
        let body = if method == "PUT" { body } else { String::new() };
        http::send_with(
            method,
            url.clone(),
            Some(OPERATOR.to_owned()),
            header,
            body.into_bytes(),
        )
        .await
    };
    let made = ask("PUT", &[("if-none-match", "*")], "desk.a").await?;
    assert_eq!(made.status, 200, "{made:?}");
    let read = ask("GET", &[], "").await?.tag.unwrap_or_default();
    assert_eq!(made.tag.as_ref(), Some(&read));
    is_refused(&ask("PUT", &[("if-none-match", "*")], "desk.b").await?);
    assert_eq!(ask("PUT", &[("if-match", &read)], "desk.c").await?.status, 200);
    is_refused(&ask("PUT", &[("if-match", &read)], "desk.d").await?);
    is_refused(&ask("DELETE", &[("if-match", &read)], "").await?);
    let shown = ask("GET", &[], "").await?;
    assert_eq!(shown.body["read"][0], "desk.c", "{shown:?}");
    let now = shown.tag.unwrap_or_default();
    assert_eq!(ask("DELETE", &[("if-match", &now)], "").await?.status, 204);
    Ok(())
}
