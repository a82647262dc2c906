//! Streams that the engine made for all pipelines, altered by hand, and permissions that were taken away.

use tailrace_core::{
    altered::{Altered, Harm},
    observe::status::State,
    ports::broker::{Denied, DeniedAct},
};

use crate::stage::{PATIENCE, Running, Stage, id};

fn altered(harm: Harm) -> Vec<Altered> {
    vec![Altered {
        setting: "max_bytes",
        is: "100".to_owned(),
        was: "-1".to_owned(),
        harm,
    }]
}

impl Running {
    async fn state(&self) -> State {
        self.queries.pipeline_status(&id()).await.unwrap().engine.state
    }

    fn ready(&self) -> Result<(), String> {
        let ready = self.queries.context().readiness();
        ready.map_err(std::borrow::Cow::into_owned)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_for_all_pipelines_that_was_altered_is_named_and_given_back() {
    let (stage, running) = Stage::set().await;
    for stream in ["KV_tailrace_engines", "tailrace_audit", "OBJ_tailrace_snapshots"] {
        stage.broker.alter(stream, altered(Harm::Misleads));
        tokio::time::sleep(PATIENCE).await;
        let why = running.trouble();
        for told in [stream, "max_bytes is 100", "tailrace doctor --fix"] {
            assert!(why.contains(told), "{why}");
        }
        assert_eq!(running.state().await, State::Running, "what runs goes on");
        assert_eq!(running.findings().await, ["altered-stream"]);
        let found = running.queries.examine().await.unwrap();
        assert!(found.findings[0].fixable);
        let mended = running.commands.mend(found).await.unwrap();
        assert!(mended.iter().all(|mended| mended.mended), "{mended:?}");
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(running.ready(), Ok(()));
        assert!(running.findings().await.is_empty());
        let told = stage.audit.records();
        let told = told.last().unwrap();
        assert_eq!(told.action, "doctor-mended");
        assert!(format!("{:?}", told.before).contains(stream), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_reached_is_told_and_takes_no_engine_away() {
    let (stage, running) = Stage::set().await;
    stage
        .broker
        .alter("OBJ_tailrace_snapshots", altered(Harm::Mendable));
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(running.ready(), Ok(()));
    let told = running.queries.context().told_of_streams();
    assert!(
        told.len() == 1 && told[0].contains("OBJ_tailrace_snapshots"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_can_never_be_what_it_was_is_told_with_what_a_person_does() {
    let (stage, running) = Stage::set().await;
    stage.broker.alter("KV_tailrace_engines", altered(Harm::Final));
    tokio::time::sleep(PATIENCE).await;
    assert!(
        running.trouble().contains("nats stream rm KV_tailrace_engines"),
        "{}",
        running.trouble()
    );
    let found = running.queries.examine().await.unwrap().findings;
    assert!(!found[0].fixable && found[0].mend.contains("nats stream rm"));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_cannot_begin_says_what_keeps_the_engine_from_it() {
    let stage = Stage::set().await.0;
    let again = stage.start().await;
    // The engine does not know it yet, so nothing shows what it does.
    again.queries.context().overview().set(&id(), None);
    stage.broker.alter("KV_tailrace_engines", altered(Harm::Misleads));
    tokio::time::sleep(PATIENCE).await;
    let state = again.state().await;
    assert!(
        matches!(&state, State::Waiting { reason } if reason.contains("KV_tailrace_engines")),
        "{state:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_brokers_permissions_deny_is_named() {
    let (stage, running) = Stage::set().await;
    let denied = |act, subject: &str| Denied {
        act,
        subject: subject.to_owned(),
    };
    // A pipeline's outputs are its own matter, and those of another are none of it.
    for (subject, is_waiting) in [("out.u", true), ("elsewhere.u", false)] {
        stage.broker.link().deny(&[denied(DeniedAct::Publish, subject)]);
        tokio::time::sleep(PATIENCE).await;
        let state = running.state().await;
        let says = matches!(&state, State::Waiting { reason } if reason.contains(subject));
        assert_eq!(says, is_waiting, "{subject}: {state:?}");
        assert_eq!(running.ready(), Ok(()));
    }
    stage
        .broker
        .link()
        .deny(&[denied(DeniedAct::Subscribe, "_INBOX.>")]);
    tokio::time::sleep(PATIENCE).await;
    for told in ["subscribe to \"_INBOX.>\"", "permissions"] {
        assert!(running.trouble().contains(told), "{}", running.trouble());
        let state = running.state().await;
        assert!(
            matches!(&state, State::Waiting { reason } if reason.contains(told)),
            "{state:?}"
        );
    }
    stage.broker.link().deny(&[]);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!((running.ready(), running.state().await), (Ok(()), State::Running));
}
