//! A stream that the engine made, and that is not as it was made: a pipeline's own, or one for all pipelines. Somebody has
//! changed it, and what it does now may refuse what is stored there, or lose it.

use crate::{identity::PipelineId, subject};

/// What is to be done about a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It refuses commits, or loses them; what it was can be set again.
    Mendable,
    /// The same, and before it is what it was nothing of the pipeline may run: commits go elsewhere, or are lost.
    Misleads,
    /// It can never be what it was.
    Final,
}

/// A setting of it that is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// Its name in the configuration.
    pub setting: &'static str,
    /// What it is now, as JSON.
    pub is: String,
    /// What the engine made it with, as JSON.
    pub was: String,
    /// What that does.
    pub harm: Harm,
}

/// A stream that the engine made for all pipelines, where it is not as the engine needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStream {
    /// Its name.
    pub name: &'static str,
    /// What is another one of it.
    pub altered: Vec<Altered>,
    /// What makes room for a new one where it can never be what it was.
    pub begins_anew: String,
}

impl SharedStream {
    /// In words: what was altered, and the way out.
    pub fn told(&self) -> String {
        format!(
            "the engine's stream {} was altered: {}; {}",
            self.name,
            changes(&self.altered),
            self.way_out()
        )
    }

    /// What gives it back what it was.
    pub fn way_out(&self) -> String {
        if is_final(&self.altered) {
            format!("it can never be written again; {} (operator)", self.begins_anew)
        } else {
            "to give it back what it was: tailrace doctor --fix (operator); it goes on by itself".to_owned()
        }
    }

    /// Whether the engine cannot do its work as long as that stays.
    pub fn hinders(&self) -> bool {
        is_final(&self.altered) || misleads(&self.altered)
    }
}

fn changes(altered: &[Altered]) -> String {
    let changes = altered.iter().map(|Altered { setting, is, was, .. }| {
        format!("{setting} is {is}, and the engine made it with {was}")
    });
    changes.collect::<Vec<_>>().join("; ")
}

/// In words: what was altered, and the way out. None where nothing was.
pub fn told(id: &PipelineId, altered: &[Altered]) -> Option<String> {
    if altered.is_empty() {
        return None;
    }
    let way_out = if is_final(altered) {
        format!(
            "it can never take a commit again; to begin again with a new stream and an empty state: tailrace pipeline resume {} --new-stream",
            id.pipeline
        )
    } else {
        "to give it back what it was: tailrace doctor --fix (operator); the pipeline then goes on by itself"
            .to_owned()
    };
    Some(format!(
        "the pipeline's own stream {} was altered: {}; {way_out}",
        subject::stream_name(id),
        changes(altered)
    ))
}

/// Whether the stream can never be used again.
pub fn is_final(altered: &[Altered]) -> bool {
    altered.iter().any(|altered| altered.harm == Harm::Final)
}

/// Whether nothing of the pipeline may run on it.
pub fn misleads(altered: &[Altered]) -> bool {
    altered.iter().any(|altered| altered.harm == Harm::Misleads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    #[test]
    fn a_shared_stream_is_named_with_the_setting_and_the_way_out() {
        let limit = |harm| SharedStream {
            name: "KV_tailrace_engines",
            altered: vec![Altered {
                setting: "max_bytes",
                is: "100".to_owned(),
                was: "-1".to_owned(),
                harm,
            }],
            begins_anew: "nats stream rm KV_tailrace_engines".to_owned(),
        };
        let text = limit(Harm::Misleads).told();
        for part in ["KV_tailrace_engines", "max_bytes is 100", "doctor --fix"] {
            assert!(text.contains(part), "{text}");
        }
        let is_final = limit(Harm::Final).told();
        assert!(
            is_final.contains("nats stream rm") && !is_final.contains("--fix"),
            "{is_final}"
        );
        assert!(limit(Harm::Misleads).hinders() && !limit(Harm::Mendable).hinders());
    }

    #[test]
    fn what_was_altered_is_told_with_the_way_out() {
        let id = PipelineId {
            tenant: Name::new("shop").unwrap(),
            pipeline: Name::new("x").unwrap(),
        };
        assert_eq!(told(&id, &[]), None);
        let smaller = Altered {
            setting: "max_msg_size",
            is: "10".to_owned(),
            was: "-1".to_owned(),
            harm: Harm::Mendable,
        };
        let text = told(&id, std::slice::from_ref(&smaller)).unwrap();
        assert!(text.contains("TR_shop_x was altered: max_msg_size is 10") && text.contains("doctor --fix"));
        let sealed = Altered {
            setting: "sealed",
            is: "true".to_owned(),
            was: "false".to_owned(),
            harm: Harm::Final,
        };
        let text = told(&id, &[smaller, sealed]).unwrap();
        assert!(text.contains("resume x --new-stream") && !text.contains("--fix"));
    }
}
