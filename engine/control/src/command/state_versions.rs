//! Whether the plugins of a revision can read the state that is there: each step says how its plugin lays
//! it out, by `state-version`. Who forces another one keeps the state as it is; nothing is deleted.

use std::collections::BTreeMap;

use tailrace_core::{
    grant::Grant,
    identity::Digest,
    manifest::{PipelineManifest, StepManifest},
    name::Name,
    registry::Revision,
};

use crate::error::{ControlError, ControlResult};

/// The layout of a step that declares none.
const FIRST: u32 = 1;

/// Every step that both revisions have declares the same layout, unless that is `forced`.
pub(crate) fn check_state_versions(
    active: &PipelineManifest,
    next: &PipelineManifest,
    forced: bool,
) -> ControlResult<()> {
    for step in &next.steps {
        let known = active.steps.iter().find(|known| known.name == step.name);
        let Some(known) = known.filter(|known| known.state_version != step.state_version) else {
            continue;
        };
        if forced {
            continue;
        }
        let (name, now, wanted) = (&step.name, known.state_version, step.state_version);
        return Err(ControlError::Conflict(format!(
            "step {name} has state-version {now} in the active revision and {wanted} in this one, so its plugin may not be able to read the state that is there; choose a revision with state-version {now}, give the step another name and with it state of its own, or force it: the state is then kept as it is"
        )));
    }
    Ok(())
}

/// Steps that keep state, get another plugin, and say nothing of how either lays it out: whoever changed the layout
/// and did not think of it turns events into dead letters.
pub(crate) fn undeclared_layouts(
    active: &Revision,
    next: &PipelineManifest,
    plugins: &BTreeMap<Name, Digest>,
) -> Vec<String> {
    let is_silent = |step: &&StepManifest| {
        let known = active.manifest.steps.iter().find(|known| known.name == step.name);
        let is_same = active.plugins.get(&step.name) == plugins.get(&step.name);
        let keeps = step.grants.contains(&Grant::State) || step.grants.contains(&Grant::Timers);
        keeps
            && !is_same
            && step.state_version == FIRST
            && known.is_some_and(|known| known.state_version == FIRST)
    };
    let warning = |step: &StepManifest| {
        format!(
            "step {} has state and gets another plugin, and neither revision says state-version; if {} lays out its state in another way, roll back, and see how to change the layout of state",
            step.name, step.plugin
        )
    };
    next.steps.iter().filter(is_silent).map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::{codes::ApiCode, manifest::parse::parse};

    fn manifest(steps: &str) -> PipelineManifest {
        let text =
            format!(r#"{{"name":"p","input":{{"stream":"IN","subjects":["in.>"]}},"steps":[{steps}]}}"#);
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_layout_that_is_not_declared_is_the_first() {
        let plain = manifest(r#"{"name":"count","plugin":"count@1.0.0"}"#);
        let first = manifest(r#"{"name":"count","plugin":"count@2.0.0","state-version":1}"#);
        assert!(check_state_versions(&plain, &first, false).is_ok());
        assert!(!serde_json::to_string(&first).unwrap().contains("state-version"));
    }

    #[test]
    fn another_layout_is_refused_with_the_step_and_the_way_out_unless_it_is_forced() {
        let first = manifest(r#"{"name":"count","plugin":"count@1.0.0"}"#);
        let second = manifest(r#"{"name":"count","plugin":"count@2.0.0","state-version":2}"#);
        for (active, next) in [(&first, &second), (&second, &first)] {
            let refused = check_state_versions(active, next, false).unwrap_err();
            let text = refused.to_string();
            assert!(text.contains("step count") && text.contains("force it"), "{text}");
            assert_eq!(refused.code(), ApiCode::Conflict);
            assert!(check_state_versions(active, next, true).is_ok());
        }
    }

    #[test]
    fn another_plugin_on_state_of_an_undeclared_layout_is_worth_a_warning() {
        let step = |plugin: &str, more: &str| {
            manifest(&format!(r#"{{"name":"count","plugin":"count@{plugin}"{more}}}"#))
        };
        let digests = |text: &str| {
            let name = Name::new("count").unwrap();
            BTreeMap::from([(name, Digest::of(text.as_bytes()))])
        };
        let keeps = r#","grants":["state"]"#;
        let active = Revision {
            number: 1,
            manifest: step("1.0.0", keeps),
            plugins: digests("old"),
            applied_ms: 0,
            rolled_back_to: None,
            begun: tailrace_core::registry::Begun::default(),
        };
        let warned = undeclared_layouts(&active, &step("2.0.0", keeps), &digests("new"));
        assert!(
            warned[0].contains("step count") && warned[0].contains("count@2.0.0"),
            "{warned:?}"
        );
        let declared = r#","grants":["state"],"state-version":2"#;
        for (next, digest) in [
            (step("1.0.0", keeps), "old"),
            (step("2.0.0", ""), "new"),
            (step("2.0.0", declared), "new"),
        ] {
            assert!(undeclared_layouts(&active, &next, &digests(digest)).is_empty());
        }
    }

    #[test]
    fn a_step_of_another_name_has_state_of_its_own() {
        let first = manifest(r#"{"name":"count","plugin":"count@1.0.0"}"#);
        let other = manifest(r#"{"name":"count-2","plugin":"count@2.0.0","state-version":2}"#);
        assert!(check_state_versions(&first, &other, false).is_ok());
    }
}
