//! How far another pipeline was counts in its own stream only, and no plugin sees it.

use super::*;

const READ_MS: u64 = RECEIVED_MS - 1_000;

fn carried(input: &str, value: &str) -> (Option<CarriedWatermark>, Vec<Header>) {
    let plan = plan(&format!("key: {{ subject-token: 3 }}, {input}"));
    let headers = [("X", "1"), ("tr-watermark", value)];
    let arrival = arrive(&plan, message(&headers, b"{}"));
    (arrival.carried, arrival.event.headers)
}

#[test]
fn a_message_of_a_pipelines_own_stream_says_how_far_it_was() {
    let own = "stream: TR_shop_orders";
    let value = format!("{READ_MS} 2/4");
    let (found, headers) = carried(own, &value);
    let expected = CarriedWatermark {
        watermark_ms: READ_MS,
        partition: 2,
        partitions: 4,
    };
    assert_eq!(found, Some(expected));
    assert_eq!(headers.len(), 1, "no plugin sees it, and none hands it on");
    let far = RECEIVED_MS + 300_001;
    for (input, value) in [
        ("stream: SHOP", &*value),
        ("stream: TR_shop_orders, watermark: { upstream: ignore }", &value),
        (
            "stream: TR_shop_orders, watermark: { per: { subject-token: 3 } }",
            &value,
        ),
        // What the broker's receive time contradicts, and what cannot be read.
        (own, &format!("{far} 2/4")),
        (own, "soon 2/4"),
        (own, "1 4/4"),
    ] {
        let (found, headers) = carried(input, value);
        assert_eq!(found, None, "{input} {value}");
        assert_eq!(headers.len(), 1, "{input} {value}");
    }
}
