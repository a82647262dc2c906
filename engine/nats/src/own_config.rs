//! The stream of a pipeline's own, compared with what the engine made.

use serde_json::{Value, json};
use tailrace_core::altered::{Altered, Harm};

/// What the engine makes such a stream with, where another value refuses commits or loses them.
const MADE: [(&str, fn() -> Value, Harm); 14] = [
    // What is stored under interest goes at once, for nobody has a consumer there.
    ("retention", || json!("limits"), Harm::Misleads),
    ("subject_transform", || Value::Null, Harm::Misleads),
    ("sources", || Value::Null, Harm::Mendable),
    ("max_bytes", || json!(-1), Harm::Mendable),
    ("max_msgs", || json!(-1), Harm::Mendable),
    ("max_msgs_per_subject", || json!(-1), Harm::Mendable),
    ("max_msg_size", || json!(-1), Harm::Mendable),
    ("max_age", || json!(0), Harm::Mendable),
    ("discard", || json!("new"), Harm::Mendable),
    ("no_ack", || json!(false), Harm::Mendable),
    ("allow_atomic", || json!(true), Harm::Mendable),
    ("allow_direct", || json!(true), Harm::Mendable),
    ("allow_msg_ttl", || json!(true), Harm::Mendable),
    ("sealed", || json!(false), Harm::Final),
];

/// The settings of a stream that are others.
pub(crate) fn altered(config: &Value) -> Vec<Altered> {
    let made = MADE.iter().map(|(setting, made, harm)| (*setting, made(), *harm));
    others(config, made)
}

/// Those of these settings that are others, with what the engine made the stream with.
pub(crate) fn others(
    config: &Value,
    made: impl IntoIterator<Item = (&'static str, Value, Harm)>,
) -> Vec<Altered> {
    let others = made.into_iter().filter_map(|(setting, was, harm)| {
        let is = &config[setting];
        // The broker leaves out what is not set.
        let is_same = *is == was || is.is_null() && is_unset(&was);
        // The broker changes no work queue into anything else.
        let is_final = setting == "retention" && *is == json!("workqueue");
        (!is_same).then(|| Altered {
            setting,
            is: is.to_string(),
            was: was.to_string(),
            harm: if is_final { Harm::Final } else { harm },
        })
    });
    others.collect()
}

/// The same configuration with what the engine made it with.
pub(crate) fn mended(mut config: Value) -> Value {
    for Altered { setting, .. } in altered(&config) {
        let made = MADE.iter().find(|(known, ..)| *known == setting);
        if let Some((_, made, _)) = made {
            give_back(&mut config, setting, made());
        }
    }
    config
}

/// Sets a setting to what it was made with.
pub(crate) fn give_back(config: &mut Value, setting: &str, made: Value) {
    match (made, config.as_object_mut()) {
        (Value::Null, Some(config)) => drop(config.remove(setting)),
        (made, Some(config)) => drop(config.insert(setting.to_owned(), made)),
        (_, None) => {}
    }
}

fn is_unset(value: &Value) -> bool {
    [Value::Null, json!(false), json!(0), json!(-1)].contains(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Value {
        json!({
            "name": "TR_shop_x", "retention": "limits", "discard": "new", "max_msgs": -1, "max_msg_size": -1, "max_age": 0,
            "max_bytes": -1, "num_replicas": 3, "allow_atomic": true, "allow_direct": true, "allow_msg_ttl": true,
        })
    }

    #[test]
    fn what_hinders_commits_is_found_and_given_back() {
        assert_eq!(altered(&made()), []);
        for (setting, value) in [
            ("max_bytes", json!(1_000_000)),
            ("max_msgs", json!(5)),
            ("max_msgs_per_subject", json!(1)),
            ("max_msg_size", json!(10)),
            ("max_age", json!(1_000_000_000)),
            ("discard", json!("old")),
            ("allow_atomic", json!(false)),
            ("no_ack", json!(true)),
            ("retention", json!("interest")),
            ("sources", json!([{ "name": "SHOP" }])),
            ("subject_transform", json!({ "src": "tr.>", "dest": "zz.>" })),
        ] {
            let mut config = made();
            config[setting] = value;
            let found: Vec<&str> = altered(&config).iter().map(|found| found.setting).collect();
            assert_eq!(found, [setting]);
            assert_eq!(altered(&mended(config)), [], "{setting}");
        }
        let mut left_out = made();
        left_out.as_object_mut().unwrap().remove("allow_atomic");
        assert_eq!(altered(&left_out)[0].setting, "allow_atomic");
    }

    #[test]
    fn a_retention_that_throws_records_away_lets_nothing_run() {
        let mut config = made();
        config["retention"] = json!("interest");
        assert_eq!(altered(&config)[0].harm, Harm::Misleads);
        config["retention"] = json!("workqueue");
        assert_eq!(altered(&config)[0].harm, Harm::Final);
    }

    #[test]
    fn a_sealed_stream_is_sealed_and_nothing_else() {
        let mut config = made();
        for setting in ["sealed", "deny_delete", "deny_purge"] {
            config[setting] = json!(true);
        }
        let found = altered(&config);
        assert_eq!((found.len(), found[0].harm), (1, Harm::Final));
    }
}
