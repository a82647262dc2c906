//! What a plugin hands on must be fit to travel: within the pipeline's output, carried by the broker as
//! it stands, and none of the broker's or the engine's own. One message that the broker cannot take
//! breaks the connection that all tenants share, so nothing gets that far.
//!
//! Why: docs/decisions/0056-bounds-of-one-shared-connection.md

use tailrace_core::{
    event::Message,
    headers::{check_each_header, check_headers},
    subject,
};

/// Longest key of an event: it is part of subjects and of dead letters.
pub const MAX_KEY_BYTES: usize = 1_024;
/// Longest subject, keys put in. The broker takes 4,096 bytes for a whole line of its protocol, and
/// breaks the connection at more.
pub const MAX_SUBJECT_BYTES: usize = 2_048;
/// Checks a message of a plugin; `output` is the pattern of the pipeline's output where the message is
/// to be published, and not to go on to the next step.
pub fn check(message: &Message, output: Destination<'_>) -> Result<(), String> {
    if let Some(text) = &message.subject {
        subject::check_subject(text).map_err(|cause| cause.to_string())?;
        let is_within = match output {
            Destination::Step => true,
            Destination::Nowhere => false,
            Destination::Output(pattern) => subject::covers(pattern, text),
        };
        if !is_within {
            return Err(format!(
                "the subject {text:?} lies outside the pipeline's output.subject"
            ));
        }
    }
    if let Some(key) = &message.key {
        check_key(key)?;
    }
    check_each_header(&message.headers)?;
    check_headers(&message.headers)
}

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// To the next step.
    Step,
    /// To subjects of this pattern.
    Output(&'a str),
    /// The pipeline has no output.
    Nowhere,
}

/// Checks the key of an event.
pub fn check_key(key: &str) -> Result<(), String> {
    let bytes = key.len();
    if bytes > MAX_KEY_BYTES {
        return Err(format!(
            "the key has {bytes} bytes, and at most {MAX_KEY_BYTES} are taken"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tailrace_core::event::Header;

    use super::*;

    const OUTPUT: Destination<'_> = Destination::Output("shop.out.>");

    fn on(subject: &str) -> Message {
        Message {
            subject: Some(subject.to_owned()),
            key: None,
            headers: Vec::new(),
            payload: Bytes::new(),
        }
    }

    fn with_header(name: &str, value: &str) -> Message {
        Message {
            headers: vec![Header {
                name: name.to_owned(),
                value: value.to_owned(),
            }],
            ..on("shop.out.x")
        }
    }

    #[test]
    fn honest_messages_pass() {
        for message in [
            on("shop.out.x"),
            on("shop.out.x.y"),
            with_header("Trace-Id", "ab: c ü"),
            with_header("x", ""),
        ] {
            assert_eq!(check(&message, OUTPUT), Ok(()), "{message:?}");
        }
    }

    #[test]
    fn no_subject_leads_out_of_the_pipelines_output() {
        let long = format!("shop.out.{}", "x".repeat(10_000));
        for hostile in [
            ">",
            "*",
            "shop.out.>",
            "shop.out.*",
            "$JS.API.STREAM.DELETE.TR_bank_p",
            "$SYS.REQ.SERVER.PING",
            "_INBOX.x",
            "tr.bank.p.commit.0",
            "tr.shop.p.dead",
            "bank.out.x",
            "shop.out",
            "shop.outer.x",
            "SHOP.out.x",
            "shop.out.x\r\nPUB bank.out.x 0\r\n",
            "shop.out.x y",
            "shop.out.\0",
            "shop.out.\u{a0}",
            "shop.out..x",
            "shop.out.x.",
            "",
            &long,
        ] {
            let refused = check(&on(hostile), OUTPUT).expect_err(hostile);
            assert!(refused.len() < 1_000, "an error must not echo a bomb");
        }
        assert!(check(&on("shop.out.x"), Destination::Nowhere).is_err());
        // On the way to the next step it is a name only, but it is one.
        assert_eq!(check(&on("$JS.API.x"), Destination::Step), Ok(()));
        assert!(check(&on("a\r\nb"), Destination::Step).is_err());
    }

    #[test]
    fn no_header_is_forged() {
        let long = "x".repeat(5_000);
        for (name, value) in [
            ("Nats-Msg-Id", "1"),
            ("nats-expected-last-sequence", "1"),
            ("NATS-Batch-Commit", "1"),
            ("Nats-", ""),
            ("Tr-Dead-Letter", "{}"),
            ("tr-x", ""),
            ("x\r\nNats-Msg-Id", "1"),
            ("x:Nats-Msg-Id", "1"),
            ("x ", "1"),
            (" Nats-Msg-Id", "1"),
            ("", "1"),
            ("ü", "1"),
            ("x\0", "1"),
            ("x", "1\r\nNats-Msg-Id: 1"),
            ("x", "1\n"),
            ("x", "\0"),
            ("x", "\u{85}"),
            ("x", &long),
            (&long, "1"),
        ] {
            let refused = check(&with_header(name, value), OUTPUT).expect_err(name);
            assert!(refused.len() < 1_000, "an error must not echo a bomb");
        }
    }

    #[test]
    fn no_message_has_more_headers_than_the_broker_takes() {
        let header = with_header("x", &"v".repeat(4_000)).headers.remove(0);
        let with = |count: usize| Message {
            headers: vec![header.clone(); count],
            ..on("shop.out.x")
        };
        assert_eq!(check(&with(15), OUTPUT), Ok(()));
        assert!(check(&with(16), OUTPUT).is_err());
    }

    #[test]
    fn no_key_is_longer_than_a_subject_can_bear() {
        let key = |bytes: usize| Message {
            key: Some("k".repeat(bytes)),
            ..on("shop.out.x")
        };
        assert_eq!(check(&key(MAX_KEY_BYTES), OUTPUT), Ok(()));
        assert!(check(&key(MAX_KEY_BYTES + 1), OUTPUT).is_err());
    }
}
