//! The edge of the input: what events write is what counts, and what cannot be read in one way is refused with its
//! reason; what is no event is passed over; configs are typed by their plugin.

use std::time::Duration;

use serde_json::{Value, json};
use tailrace_nats::async_nats::{HeaderMap, jetstream::stream};
use tailrace_tests::{cluster::eventually, raw::publish_raw};

use crate::{Stage, probe};

impl Stage {
    /// Publishes a message with headers to a subject.
    async fn send(&self, subject: &str, headers: &[(&str, &str)], payload: &[u8]) -> anyhow::Result<()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let payload = payload.to_vec().into();
        let stream = &self.cluster.jetstream;
        stream
            .publish_with_headers(subject.to_owned(), map, payload)
            .await?
            .await?;
        Ok(())
    }

    /// The dead letters of a pipeline.
    async fn letters(&self, pipeline: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("pipelines/{pipeline}/dead-letters");
        let answer = self.engine.own("GET", &path, "").await?;
        Ok(answer.body.as_array().cloned().unwrap_or_default())
    }

    /// Codes of the dead letters of a pipeline.
    async fn codes_of(&self, pipeline: &str) -> anyhow::Result<Vec<String>> {
        let letters = self.letters(pipeline).await?;
        let code = |letter: &Value| letter["code"].as_str().unwrap_or_default().to_owned();
        Ok(letters.iter().map(code).collect())
    }

    /// State keys of the probe.
    async fn keys(&self, pipeline: &str) -> anyhow::Result<Vec<String>> {
        let path = format!("pipelines/{pipeline}/steps/probe/state");
        let answer = self.engine.own("GET", &path, "").await?;
        let entries = answer.body.as_array().cloned().unwrap_or_default();
        let key = |entry: &Value| entry["key"].as_str().unwrap_or_default().to_owned();
        Ok(entries.iter().map(key).collect())
    }

    /// What a pipeline that is not to be taken is refused with.
    async fn refused(&self, name: &str, manifest: &str) -> anyhow::Result<String> {
        let answer = self
            .engine
            .own("PUT", &format!("pipelines/{name}"), manifest)
            .await?;
        anyhow::ensure!(answer.status == 422, "{answer:?}");
        Ok(answer.text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_the_text_of_the_event_and_what_reads_in_two_ways_is_refused() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    let utf_16: Vec<u8> = r#"{"user":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let payloads: Vec<Vec<u8>> = vec![
        br#"{"user":18446744073709551616}"#.to_vec(),
        br#"{"user":18446744073709551617}"#.to_vec(),
        b"\xef\xbb\xbf{\"user\":\"bom\"}".to_vec(),
        br#"{"user":"alice","user":"bob"}"#.to_vec(),
        br#"{"user":"alice","x":NaN}"#.to_vec(),
        br#"{"x":NaN,"user":"alice"}"#.to_vec(),
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
        utf_16,
        br#"{"other":1}"#.to_vec(),
    ];
    let count = payloads.len() as u64;
    stage.cluster.publish("shop.events.x", payloads).await?;
    stage.engine.caught_up("p", count).await?;
    assert_eq!(
        stage.keys("p").await?,
        ["18446744073709551616", "18446744073709551617", "bom"]
    );
    let letters = stage.letters("p").await?;
    let told: Vec<_> = letters
        .iter()
        .map(|letter| {
            (
                letter["code"].as_str(),
                letter["reason"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        ("duplicate-member", "\"user\" twice"),
        ("unreadable-payload", "`NaN`"),
        ("unreadable-payload", "`NaN`"),
        ("unreadable-payload", "gzip"),
        ("unreadable-payload", "UTF-16"),
        ("no-key", "input.key"),
    ];
    assert_eq!(told.len(), expected.len(), "{letters:#?}");
    for ((code, reason), (wanted, word)) in told.iter().zip(expected) {
        assert!(
            *code == Some(wanted) && reason.contains(word),
            "{code:?}: {reason}"
        );
    }
    // The second entrance has the checks of the first: nothing comes under the key "".
    for letter in &letters {
        let path = format!("pipelines/p/dead-letters/{}/redrive", letter["id"]);
        assert_eq!(stage.engine.own("POST", &path, "").await?.status, 202);
    }
    eventually("the letters are letters again", || async {
        let again = stage.letters("p").await;
        again.is_ok_and(|again| {
            again.len() == letters.len() && again.iter().all(|letter| !letters.contains(letter))
        })
    })
    .await?;
    let mut codes = stage.codes_of("p").await?;
    codes.sort();
    let mut wanted: Vec<_> = expected.iter().map(|(code, _)| (*code).to_owned()).collect();
    wanted.sort();
    assert_eq!(codes, wanted);
    assert_eq!(stage.keys("p").await?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn times_have_a_zone_and_a_unit_and_what_is_neither_is_said() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let timed = |name: &str, time: &str| {
        probe(name, 1, "").replace(
            "  key: { json: /user }\n",
            &format!("  key: {{ json: /user }}\n  time: {{ json: /ts{time} }}\n"),
        )
    };
    stage.engine.apply("ms", &timed("ms", "")).await?;
    stage.engine.apply("s", &timed("s", ", unit: s")).await?;
    stage
        .engine
        .apply("strict", &timed("strict", ", unit: s, on-unreadable: reject"))
        .await?;
    let times = [
        "1577880000",
        "1577880001",
        "1577880002",
        "\"2020-01-01t12:00:00z\"",
        "\"2020-01-01T12:00:00\"",
        "1577880003",
        "1577880004",
        "1577880005",
    ];
    let event = |time: &&str| format!("{{\"user\":\"a\",\"ts\":{time}}}");
    stage
        .cluster
        .publish("shop.events.x", times.iter().map(event))
        .await?;
    for name in ["ms", "s", "strict"] {
        stage.engine.caught_up(name, times.len() as u64).await?;
    }
    let warnings = |status: &Value| {
        let warnings = status["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(Value::to_string).collect::<Vec<_>>()
    };
    let said = warnings(&stage.engine.status("s").await?);
    assert!(
        said.len() == 1 && said[0].contains("no time zone"),
        "the last time that does not read is shown: {said:?}"
    );
    assert_eq!(stage.codes_of("s").await?, [""; 0]);
    assert_eq!(stage.codes_of("strict").await?, ["unreadable-time"]);
    // Where no time was usual, a few that are absurd are enough.
    let only_numbers = timed("numbers", "").replace("shop.events.>", "shop.events.numbers");
    stage.engine.apply("numbers", &only_numbers).await?;
    stage
        .cluster
        .publish("shop.events.numbers", times[..3].iter().map(event))
        .await?;
    eventually("a wrong unit is said", || async {
        let status = stage.engine.status("numbers").await;
        status.is_ok_and(|status| {
            warnings(&status)
                .iter()
                .any(|warning| warning.contains("`unit: s`"))
        })
    })
    .await?;
    let start = probe("start", 1, "").replace(
        "  key: { json: /user }\n",
        "  key: { json: /user }\n  start: { time: \"2026-11-01T00:00:00\" }\n",
    );
    let refused = stage.refused("start", &start).await?;
    assert!(
        refused.contains("input.start.time") && refused.contains("no time zone"),
        "{refused}"
    );
    stage
        .engine
        .apply("start", &start.replace("00:00:00\"", "00:00:00+02:00\""))
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_event_is_no_duplicate_of_the_one_that_failed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for (name, remember) in [("processed", ""), ("seen", ", remember: seen")] {
        let manifest = probe(name, 1, "").replace(
            "  key: { json: /user }\n",
            &format!("  key: {{ json: /user }}\n  dedup: {{ json: /id, window: 1h{remember} }}\n"),
        );
        stage.engine.apply(name, &manifest).await?;
    }
    let event = |act: &str| json!({ "user": "a", "id": "o-17", "do": act }).to_string();
    let acts = ["invalid", "count", "count"].map(event);
    stage.cluster.publish("shop.events.x", acts).await?;
    for (name, forwarded, duplicates) in [("processed", 1, 1), ("seen", 0, 2)] {
        stage.engine.caught_up(name, 3).await?;
        let status = stage.engine.status(name).await?;
        let counts = &status["stats"]["counts"];
        assert_eq!(counts["duplicates"], duplicates, "{name}: {counts}");
        let outputs = stage
            .cluster
            .read(&format!("TR_shop_{name}"), &format!("shop.{name}.*"))
            .await?;
        assert_eq!(outputs.len(), forwarded, "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_skipped_or_passed_on_with_its_name() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let config = stream::Config {
        name: "MARKED".to_owned(),
        subjects: vec!["shop.marked.>".to_owned()],
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(Duration::from_hours(1)),
        allow_message_schedules: true,
        ..stream::Config::default()
    };
    stage.cluster.jetstream.create_stream(config).await?;
    let reading = |name: &str, more: &str| {
        format!(
            "name: {name}\ninput:\n  stream: MARKED\n  subjects: [\"shop.marked.>\"]\n  key: {{ subject-token: 3 }}\n{more}steps:\n  - name: look\n    plugin: validator@1.0.0\n    config: {{ schema: {{}} }}\n    on-error: {{ retries: 0, then: forward }}\noutput:\n  subject: \"shop.{name}.{{key}}\"\n"
        )
    };
    stage.engine.upload("validator", "validator").await?;
    stage.engine.apply("skips", &reading("skips", "")).await?;
    stage
        .engine
        .apply("passes", &reading("passes", "  markers: pass\n"))
        .await?;
    stage.send("shop.marked.ends", &[], b"{}").await?;
    // As the broker writes it in place of a message that has gone, but for a payload that the step takes.
    let marker = [("Nats-Marker-Reason", "MaxAge")];
    stage.send("shop.marked.ends", &marker, b"{}").await?;
    let schedule = [
        ("Nats-Schedule", "@at 2099-01-01T00:00:00Z"),
        ("Nats-Schedule-Target", "shop.marked.later"),
    ];
    stage.send("shop.marked.plan", &schedule, b"{}").await?;
    // The event, the marker, and the schedule.
    for name in ["skips", "passes"] {
        stage.engine.caught_up(name, 3).await?;
    }
    let markers = |status: &Value| status["stats"]["counts"]["markers"].as_u64();
    assert_eq!(markers(&stage.engine.status("skips").await?), Some(2));
    assert_eq!(markers(&stage.engine.status("passes").await?), Some(0));
    assert_eq!(
        stage.cluster.read("TR_shop_skips", "shop.skips.*").await?.len(),
        1
    );
    let own = stage.cluster.jetstream.get_stream("TR_shop_passes").await?;
    for (key, name) in [("ends", "max-age"), ("plan", "schedule")] {
        let subject = format!("shop.passes.{key}");
        let message = own.get_last_raw_message_by_subject(&subject).await?;
        let told = message
            .headers
            .get("Tr-Marker")
            .map(|value| value.as_str().to_owned());
        assert_eq!(told.as_deref(), Some(name), "{subject}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_is_typed_and_checked_by_the_schema_of_its_plugin() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.upload("validator", "validator").await?;
    let shown = stage
        .engine
        .own("GET", "plugins/validator/versions/1.0.0", "")
        .await?;
    assert!(
        shown.body["config_schema"]["properties"]["schema"].is_object(),
        "{shown:?}"
    );
    let manifest = |fields: &str| {
        format!(
            "name: p\ninput:\n  subjects: [\"shop.events.>\"]\nsteps:\n  - name: check\n    plugin: validator@1.0.0\n    config:\n      schema:\n        fields: {fields}\n"
        )
    };
    let fields =
        "{ country: { type: text, one-of: [SE, NO, DK] }, code: { type: text, one-of: [08001, 1e3] } }";
    stage.engine.apply("p", &manifest(fields)).await?;
    let shown = stage.engine.own("GET", "pipelines/p", "").await?.text;
    assert!(
        shown.contains(r#"["SE","NO","DK"]"#) && shown.contains(r#"["08001","1e3"]"#),
        "{shown}"
    );
    let events = [
        r#"{"country":"NO","code":"08001"}"#,
        r#"{"country":"FI","code":"1e3"}"#,
    ];
    stage.cluster.publish("shop.events.x", events).await?;
    stage.engine.caught_up("p", 2).await?;
    assert_eq!(stage.codes_of("p").await?, ["not-allowed"]);
    let refused = stage
        .refused("p", &manifest("{ country: { type: text, lenght: 2 } }"))
        .await?;
    assert!(
        refused.contains("steps[0].config.schema.fields.country.lenght"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_a_list_get_the_popular_one_and_it_says_so() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.upload("ranker", "ranker").await?;
    let manifest = "name: p\ninput:\n  subjects: [\"shop.events.>\"]\n  key: { json: /user }\nsteps:\n  - name: rank\n    plugin: ranker@1.0.0\n    config: { fallback: popular, weights: { similarity: 0 } }\n    grants: [state, vectors]\n    limits: { fuel: 200000000, deadline: 1s, writes: 5000 }\nvectors:\n  users: { dimensions: 2, metric: dot }\n  items: { dimensions: 2, metric: dot }\n";
    stage.engine.apply("p", manifest).await?;
    let list = |user: &'static str| stage.engine.own("GET", user, "");
    let nobody = list("pipelines/p/steps/rank/state/list%2Fnobody").await?;
    assert_eq!(nobody.status, 404, "there is nothing popular yet: {nobody:?}");
    let rating = |user: &str| json!({ "user": user, "item": "up", "rating": 5.0 }).to_string();
    stage
        .cluster
        .publish("shop.events.x", ["a", "b"].map(rating))
        .await?;
    stage.engine.caught_up("p", 2).await?;
    let nobody = list("pipelines/p/steps/rank/state/list%2Fnobody").await?;
    assert_eq!(nobody.status, 200, "{nobody:?}");
    assert_eq!(nobody.body["fallback"], "popular");
    assert_eq!(nobody.body["items"][0]["id"], "up");
    let own = list("pipelines/p/steps/rank/state/list%2Fa").await?;
    assert_eq!((own.status, &own.body["user"]), (200, &json!("a")));
    let other = list("pipelines/p/steps/rank/state/seen%2Fnobody").await?;
    assert_eq!(other.status, 404, "{other:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_which_the_client_breaks_down_is_a_dead_letter_and_stops_nobody() -> anyhow::Result<()>
{
    let stage = Stage::set().await?;
    for name in ["p", "q"] {
        stage.engine.apply(name, &probe(name, 1, "")).await?;
    }
    let good = json!({ "user": "ann", "do": "count" }).to_string();
    let headers: [&[u8]; 2] = [b"NATS/1.0\r\nX: a\rb\r\n\r\n", b"NATS/1.0\r\nX: ab\r\n\r\n"];
    let messages = [0, 1, 0, 1].map(|kind| (&b"shop.events.a"[..], headers[kind], &*good));
    publish_raw(&stage.cluster, &messages).await?;
    for name in ["p", "q"] {
        stage.engine.caught_up(name, 4).await?;
    }
    for name in ["p", "q"] {
        assert_eq!(stage.codes_of(name).await?, ["malformed-headers"; 2]);
    }
    assert!(stage.engine.log().contains("another one takes its place"));
    // The registry is written and watched over the client that took its place.
    let paused = stage.engine.own("POST", "pipelines/p/pause", "").await?;
    anyhow::ensure!(paused.status < 300, "{paused:?}");
    eventually("it is paused", || async {
        stage
            .engine
            .status("p")
            .await
            .is_ok_and(|status| status["state"] == "paused")
    })
    .await
}
