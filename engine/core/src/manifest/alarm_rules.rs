//! The alarms of a pipeline, read and checked.

use std::time::Duration;

use tailrace_sketch::Kind;

use crate::{
    alarm::{
        Aspect, Quantity, Rule,
        memory::Alarm,
        tables::{PIPELINE, SKETCH_BREACHES, names},
    },
    manifest::{
        AlarmManifest, NotifyManifest, PipelineManifest, SketchManifest, error::ManifestError,
        mistakes::Mistakes,
    },
    name::Name,
    subject,
    units::Span,
};

/// Most alarms of a pipeline: each is a look every few seconds, and a sketch may be read for it.
pub const MAX_ALARMS: usize = 32;
/// Name of the alarm over the accuracy of sketches.
const OF_ACCURACY: &str = "sketch-accuracy";
/// Longest web address.
const MAX_URL_BYTES: usize = 1_024;

/// The alarms of a pipeline. One that cannot be read was written by another version of the engine, and
/// is left out. Where sketches are watched and no rule of the tenant's own looks at the breaches, there is
/// one that does: it shows in status and metrics, and who is to be told writes a rule.
pub fn alarms(manifest: &PipelineManifest) -> Vec<Alarm> {
    let metrics = names(PIPELINE);
    let read = manifest
        .alarms
        .iter()
        .filter_map(|alarm| alarm.read(&metrics).ok());
    let mut alarms: Vec<Alarm> = read.collect();
    let is_watched = manifest.sketches.values().any(|sketch| sketch.watch.is_some());
    let breaches = Quantity::Metric(SKETCH_BREACHES);
    let is_own = |alarm: &Alarm| alarm.rule.quantity == breaches || alarm.name.as_str() == OF_ACCURACY;
    if is_watched && !alarms.iter().any(is_own) {
        let unasked = AlarmManifest {
            name: Name::new(OF_ACCURACY).expect("a name"),
            when: format!("{SKETCH_BREACHES} > 0"),
            notify: NotifyManifest::default(),
        };
        alarms.extend(unasked.read(&metrics));
    }
    alarms
}

/// Checks what a manifest says of alarms by itself.
pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    if manifest.alarms.len() > MAX_ALARMS {
        let why = format!("{} alarms, at most {MAX_ALARMS} are taken", manifest.alarms.len());
        return found.push(ManifestError::new("alarms", why));
    }
    let metrics = names(PIPELINE);
    for (index, alarm) in manifest.alarms.iter().enumerate() {
        let path = format!("alarms[{index}]");
        if manifest.alarms[..index]
            .iter()
            .any(|other| other.name == alarm.name)
        {
            let why = format!("{:?} is taken by another alarm", alarm.name);
            found.push(ManifestError::new(format!("{path}.name"), why));
        }
        let read = alarm.read(&metrics);
        let fits = read.and_then(|read| check_sketch(manifest, &read.rule));
        found.note(fits.map_err(|why| ManifestError::new(format!("{path}.when"), why)));
        found.note(check_notify(&path, manifest, &alarm.notify));
    }
}

/// The sketch is declared, and its kind answers what is asked.
fn check_sketch(manifest: &PipelineManifest, rule: &Rule) -> Result<(), String> {
    let Quantity::Sketch { name, aspect, over } = &rule.quantity else {
        return Ok(());
    };
    let Some(sketch) = manifest.sketches.get(name.as_str()) else {
        return Err(format!(
            "there is no sketch {name:?}; declare it under `sketches`"
        ));
    };
    match (over, aspect) {
        (Some(over), Aspect::Drift(base)) => {
            check_over(name, sketch, *over)?;
            check_over(name, sketch, over.saturating_add(*base))?;
        }
        (Some(over), _) => check_over(name, sketch, *over)?,
        (None, _) => {}
    }
    let (fits, hint) = match sketch.kind {
        Kind::Quantiles => (
            matches!(
                aspect,
                Aspect::Quantile(_)
                    | Aspect::Min
                    | Aspect::Max
                    | Aspect::Sum
                    | Aspect::Count
                    | Aspect::Drift(_)
            ),
            "p99, min, max, sum, count and drift",
        ),
        Kind::Distinct => (
            matches!(aspect, Aspect::Distinct | Aspect::Count | Aspect::Drift(_)),
            "distinct, count and drift",
        ),
        Kind::Top => (
            matches!(aspect, Aspect::Top(_) | Aspect::Count | Aspect::Drift(_)),
            "top(item), count and drift",
        ),
        Kind::Seen | Kind::Sample => (matches!(aspect, Aspect::Count), "count"),
    };
    if fits {
        return Ok(());
    }
    let kind = format!("{:?}", sketch.kind).to_lowercase();
    Err(format!(
        "sketch {name:?} is of kind {kind}, which answers {hint}, not {aspect}"
    ))
}

/// Its windows can answer for so much event time.
fn check_over(name: &str, sketch: &SketchManifest, over: Duration) -> Result<(), String> {
    let Some(rule) = sketch.window_rule() else {
        return Err(format!(
            "sketch {name:?} has no windows, only all time; declare some, as in window: 1m"
        ));
    };
    let (length, keep) = (Span::from_millis(rule.length_ms), Span::from_millis(rule.keep_ms));
    if over < length.0 || over > keep.0 {
        return Err(format!(
            "sketch {name:?} has windows of {length}, kept for {keep}: ask for no less and no more"
        ));
    }
    Ok(())
}

fn check_notify(
    path: &str,
    manifest: &PipelineManifest,
    notify: &NotifyManifest,
) -> Result<(), ManifestError> {
    if let Some(told) = &notify.subject {
        let path = format!("{path}.notify.subject");
        subject::check_subject(told).map_err(|cause| ManifestError::new(&path, cause.to_string()))?;
        if subject::is_reserved(told) {
            let why = format!("{told:?} is a subject of the engine or the broker; choose one of your own");
            return Err(ManifestError::new(path, why));
        }
        let mut read = manifest.patterns_read();
        if let Some((_, own)) = read.find(|(_, pattern)| subject::covers(pattern, told)) {
            let why = format!("the pipeline would feed itself: its input {own:?} takes in {told:?}");
            return Err(ManifestError::new(path, why));
        }
        let output = manifest
            .output
            .as_ref()
            .map(crate::manifest::OutputManifest::pattern);
        if output.is_some_and(|pattern| subject::covers(&pattern, told)) {
            let why =
                format!("{told:?} lies within the pipeline's own output, which commits alone may write");
            return Err(ManifestError::new(path, why));
        }
    }
    let bytes = notify.webhook.as_ref().map_or(0, String::len);
    if bytes > MAX_URL_BYTES {
        let why = format!("{bytes} bytes, at most {MAX_URL_BYTES} are taken");
        return Err(ManifestError::new(format!("{path}.notify.webhook"), why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tailrace_sketch::Comparison;

    use super::*;
    use crate::manifest::{check, parse};
    use crate::{
        alarm::{
            memory::{Memory, Owner},
            numbers::{Numbers, NumbersWindow},
        },
        observe::status::PipelineStatus,
    };

    fn manifest(alarm: &str, watch: &str) -> Result<PipelineManifest, String> {
        let text = format!(
            "name: clicks\ninput: {{ subjects: [\"shop.in\"] }}\nsteps: [{{ name: a, plugin: a@1.0.0 }}]\nsketches: {{ amounts: {{ kind: quantiles{watch} }}, users: {{ kind: distinct, window: 1m, keep: 1h }} }}\noutput: {{ subject: \"shop.out.{{key}}\" }}\nalarms:\n  - {alarm}\n"
        );
        parse::parse(text.as_bytes()).map_err(|cause| cause.to_string())
    }

    fn checked(alarm: &str) -> Result<(), String> {
        check::check(&manifest(alarm, "")?).map_err(|cause| cause.to_string())
    }

    #[test]
    fn a_sketch_that_breaks_its_promise_fires_an_alarm_that_nobody_asked_for() {
        let alarms = alarms(&manifest("{ name: behind, when: \"lag > 9\" }", ", watch: 0.1").unwrap());
        let status = PipelineStatus::default();
        let (mut window, mut memory) = (NumbersWindow::default(), Memory::default());
        let mut firing = |second: u64| {
            let numbers = Numbers::of(&status.report(), 0);
            window.look(Duration::from_secs(second), numbers, |numbers| numbers.events);
            memory.see(&Owner::default(), &alarms, second * 1_000, |alarm| {
                let Quantity::Metric(name) = alarm.rule.quantity else {
                    return None;
                };
                window.value(PIPELINE, name)
            });
            let alarms = memory.alarms();
            let firing = alarms.filter(|(_, alarm)| alarm.phase.fires_since().is_some());
            firing.map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        let compared = |is_breach| {
            let comparison = Comparison {
                observed: 0.02,
                promised: 0.01,
                is_breach,
            };
            status
                .stats
                .compared(&[(Name::new("amounts").unwrap(), comparison)]);
        };
        compared(false);
        assert!(firing(0).is_empty() && firing(5).is_empty());
        compared(true);
        assert_eq!(firing(10), ["sketch-accuracy"]);
        assert_eq!(firing(25), ["sketch-accuracy"]);
        assert!(firing(200).is_empty(), "over, half a minute later");
    }

    #[test]
    fn who_looks_at_breaches_by_a_rule_of_his_own_has_that_one_only() {
        let names = |alarm: &str, watch: &str| {
            let alarms = alarms(&manifest(alarm, watch).unwrap()).into_iter();
            alarms.map(|alarm| alarm.name.to_string()).collect::<Vec<_>>()
        };
        let (own, watch) = ("{ name: mine, when: \"sketch-breaches > 0\" }", ", watch: 1");
        assert_eq!(names(own, watch), ["mine"]);
        assert_eq!(names(own, ""), ["mine"]);
        let other = "{ name: behind, when: \"lag > 9\" }";
        assert_eq!(names(other, ""), ["behind"]);
        assert_eq!(names(other, watch), ["behind", "sketch-accuracy"]);
    }

    #[test]
    fn honest_alarms_pass() {
        for alarm in [
            "{ name: letters, when: \"dead-letter-ratio > 0.01 for 1m\" }",
            "{ name: slow, when: \"amounts.p99 > 500 for 5m\", notify: { subject: shop.alarms } }",
            "{ name: crowd, when: \"users.distinct[5m] > 100 for 1m\" }",
            "{ name: many, when: \"users.distinct > 1e6\", notify: { webhook: \"https://hooks.example.com/x\" } }",
        ] {
            assert_eq!(checked(alarm), Ok(()), "{alarm}");
        }
    }

    #[test]
    fn a_refusal_names_the_field_and_what_would_be_right() {
        for (alarm, path, hint) in [
            (
                "{ name: a, when: \"lak > 1\" }",
                "alarms[0].when",
                "at character 1",
            ),
            (
                "{ name: a, when: \"items.p99 > 1\" }",
                "alarms[0].when",
                "declare it",
            ),
            (
                "{ name: a, when: \"users.p99 > 1\" }",
                "alarms[0].when",
                "distinct, count and drift",
            ),
            (
                "{ name: a, when: \"amounts.p99[5m] > 1\" }",
                "alarms[0].when",
                "declare some",
            ),
            (
                "{ name: a, when: \"users.distinct[30s] > 1\" }",
                "alarms[0].when",
                "windows of 1m",
            ),
            (
                "{ name: a, when: \"users.distinct[2h] > 1\" }",
                "alarms[0].when",
                "kept for 1h",
            ),
            (
                "{ name: a, when: \"lag > 1\", notify: { subject: \"shop.>\" } }",
                "alarms[0].notify.subject",
                "",
            ),
            (
                "{ name: a, when: \"lag > 1\", notify: { subject: \"$SYS.x\" } }",
                "alarms[0].notify.subject",
                "of your own",
            ),
            (
                "{ name: a, when: \"lag > 1\", notify: { subject: shop.out.x } }",
                "alarms[0].notify.subject",
                "own output",
            ),
            (
                "{ name: a, when: \"lag > 1\" }\n  - { name: a, when: \"lag > 2\" }",
                "alarms[1].name",
                "taken",
            ),
        ] {
            let refused = checked(alarm).expect_err(alarm);
            assert!(
                refused.contains(path) && refused.contains(hint),
                "{alarm}: {refused}"
            );
        }
    }
}
