//! Limits that a revision changes while its steps run.

use std::{collections::BTreeSet, sync::Arc};

use tailrace_core::{
    event::{Event, Message, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::{Call, Host, Instance, Plugin, PluginError},
};

use crate::stage::Stage;

/// Tells the memory that its instance was given.
struct Told;

struct Given(u64);

impl Plugin for Told {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Given(limits.memory_bytes)))
    }
}

impl Instance for Given {
    fn process(&mut self, event: &Event, _: &mut dyn Host) -> Call {
        let message = Message {
            subject: None,
            key: Some(event.key.clone()),
            headers: Vec::new(),
            payload: self.0.to_string().into_bytes().into(),
        };
        Call {
            result: Ok(Verdict::Emit(vec![message])),
            fuel: 1,
        }
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        self.0
    }
}

#[test]
fn a_step_whose_memory_is_lowered_while_it_runs_has_an_instance_made_anew_under_the_new_limit() {
    let manifest = |memory: &str| {
        format!(
            "name: p\ninput: {{subjects: [in], key: {{json: /key}}}}\nsteps: [{{name: told, plugin: told@1.0.0, limits: {{memory: {memory}}}}}]\noutput: {{subject: out}}\n"
        )
    };
    let plugins = || (Digest::of(b"told"), Arc::new(Told) as Arc<dyn Plugin>);
    let mut stage = Stage::share_of(&manifest("8MiB"), plugins, (0, 1));
    let mut given = Vec::new();
    for memory in [None, Some("1MiB"), Some("2MiB")] {
        if let Some(memory) = memory {
            stage.change_to(&manifest(memory));
        }
        stage.send("a", 1, "");
        stage.commit();
        given.extend(stage.outputs.drain(..).map(|output| output.payload));
    }
    assert_eq!(given, [&b"8388608"[..], b"1048576", b"2097152"]);
}
