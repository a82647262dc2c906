//! Does what the last word of the subject says: each host function, each verdict, each failure, each limit. Its
//! brothers in other languages stand in `tests/conformance`, and the cases, too.

use tailrace_sdk::prelude::*;

struct Conform;

fn numbers(text: &str) -> Vec<f32> {
    text.split(' ').filter_map(|word| word.parse().ok()).collect()
}

fn count(event: &Event) -> Result<usize, Failure> {
    event.json()
}

impl Plugin for Conform {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let given = |name: &str| event.header(name).unwrap_or_default();
        let says = |text: &str| Ok(Message::new(text).into());
        match event.subject.trim_start_matches("c.") {
            "forward" => return Ok(Verdict::Forward),
            "drop" => {}
            "emit" => {
                let first = Message::new(&*event.payload).on("results.a").with_key("k");
                let (sequence, time, key) = (event.sequence, event.time, &event.key);
                let second = format!("{sequence} {time} {key} {}", given("x"));
                return Ok(vec![first.with_header("h", "v"), Message::new(second)].into());
            }
            "set" => match given("ttl").parse() {
                Ok(ttl_ms) => host.state().expiring(ttl_ms).set(given("key"), &event.payload),
                Err(_) => host.state().set(given("key"), &event.payload),
            },
            "get" => {
                let found = host.state().get(given("key"));
                return Ok(Message::new(found.unwrap_or_else(|| b"none".to_vec())).into());
            }
            "scan" => {
                let found = host.state().scan(given("prefix"), event.header("after"), 10);
                let shown = |entry: &tailrace_sdk::Entry| {
                    format!("{}={}", entry.key, String::from_utf8_lossy(&entry.value))
                };
                return says(&found.iter().map(shown).collect::<Vec<_>>().join(" "));
            }
            "delete" => host.state().delete(given("key")),
            "vector-set" => host.vectors("items").set(given("id"), &numbers(event.text()?)),
            "vector-get" => {
                let Some(found) = host.vectors("items").get(given("id")) else {
                    return says("none");
                };
                let shown: Vec<_> = found.iter().map(|number| format!("{number:.2}")).collect();
                return says(&shown.join(" "));
            }
            "nearest" => {
                let found = host.vectors("items").nearest(&numbers(event.text()?), 2);
                let shown = |one: &Neighbour| format!("{}={:.2}", one.id, one.score);
                return says(&found.iter().map(shown).collect::<Vec<_>>().join(" "));
            }
            "vector-delete" => host.vectors("items").delete(given("id")),
            "sketches" => {
                host.sketches().observe("amounts", 7.0);
                host.sketches().distinct("users", "ada");
                host.sketches().count("titles", "tea", 2);
            }
            "learnt" => {
                let mut sketches = host.sketches();
                let median = sketches.quantile("amounts", 0.5).unwrap_or(f64::NAN);
                let (users, tea) = (sketches.estimate("users"), sketches.estimate_of("titles", "tea"));
                let top = sketches.top("titles", 5);
                let shown = |one: &tailrace_sdk::Frequency| format!("{}={}", one.item, one.times);
                let top = top.iter().map(shown).collect::<Vec<_>>().join(" ");
                let total = sketches.total("titles");
                return says(&format!("{median:.0} {users} {tea} {top} {total}"));
            }
            "row" => {
                let found = host.table("tiers").get(given("key"));
                return Ok(Message::new(found.unwrap_or_else(|| b"none".to_vec())).into());
            }
            "watermark" => return says(&host.timers().watermark().to_string()),
            "timers" => {
                let at = given("at").parse();
                match (event.header("set"), event.header("cancel"), at) {
                    (Some(name), _, Ok(at)) => host.timers().set(name, at, &event.payload),
                    (_, Some(name), _) => host.timers().cancel(name),
                    _ => {
                        let found = host.timers().get(given("get"));
                        return says(&found.map_or_else(|| "none".to_owned(), |at| at.to_string()));
                    }
                }
            }
            "log" => {
                for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
                    host.log(level, event.text()?);
                }
            }
            // Rust has neither a clock nor a generator here.
            "time" | "random" => return says(&event.time.to_string()),
            "json" => return says(&event.fields()?.id("user")?),
            how @ ("reject" | "retry" | "panic") => return Err(fail(how, event.text()?, host)),
            "undeclared" => {
                host.vectors("undeclared").get("a");
            }
            "messages" => return Ok(vec![Message::new("m"); count(event)?].into()),
            "writes" => {
                for number in 0..count(event)? {
                    host.state().set(&format!("w/{number}"), b"1");
                }
            }
            "bytes" => return Ok(Message::new(vec![b'b'; count(event)?]).into()),
            "log-lines" => {
                for _ in 0..count(event)? {
                    host.log(Level::Info, "line");
                }
            }
            "spin" => spin(),
            "eat" => eat(),
            other => return Err(Failure::invalid("unknown", other)),
        }
        Ok(Verdict::Drop)
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        let payload = String::from_utf8_lossy(&timer.payload);
        match timer.name.as_str() {
            "keep" => {
                host.state().set("woken", &timer.payload);
                host.timers().set("say-again", timer.at + 10_000, &timer.payload);
                Ok(Vec::new())
            }
            "many" => Ok(vec![Message::new("m"); payload.parse().unwrap_or_default()]),
            how @ ("reject" | "retry" | "panic") => Err(fail(how, &payload, host)),
            name => {
                let (key, at, set_by) = (&timer.key, timer.at, timer.set_by);
                let watermark = host.timers().watermark();
                // Rust has no clock here.
                let said = format!("{name} {key} {at} {set_by} {payload} {watermark} {at}");
                Ok(vec![Message::new(said).on("results.a")])
            }
        }
    }
}

/// What it has done before is taken back.
fn fail(how: &str, payload: &str, host: &mut Host<'_>) -> Failure {
    host.state().set("lost", b"1");
    match how {
        "reject" => Failure::invalid("not-today", "it is sunday"),
        "retry" => Failure::transient("later"),
        _ => panic!("{payload}"),
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&eaten);
    }
}

export!(Conform);
