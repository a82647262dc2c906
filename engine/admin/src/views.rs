//! What a tenant watches: the tap and the lines of its plugins, as server-sent events. A stream has no
//! deadline: it ends when the client goes or may not watch any more, has had as much as it asked for, the
//! pipeline is deleted or the engine stops. What it misses it is told: event `missed`. So it is why it ends, where the
//! client has not ended it: event `ended`.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tailrace_control::query::{
    Queries,
    views::{LastLines, Shown, Watching},
};
use tailrace_core::{
    codes::ApiCode,
    identity::PipelineId,
    life::Life,
    name::Name,
    observe::{
        live::{LiveStream, Missed},
        logs::{KEPT_LINES, Line},
        tap::{Sample, Wish},
    },
    registry::PipelinePhase,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    ApiState,
    access::{Access, Right},
    answers::{Kinds, Written, events},
    document_types::DocumentTypes,
    input::{Asked, PathParameters},
    problem::{Answer, Problem},
};

/// How often a silent stream says that it is alive, so that no proxy in between cuts it off.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the client's right is looked at, and how long what was missed may wait to be told.
const LOOK_AT_RIGHT: Duration = Duration::from_millis(500);
/// Why streams end when the engine does.
pub(crate) const ENGINE_STOPS: &str = "this engine stops; ask again, it or another one";
/// Why a stream ends whose client may not watch any more.
const NO_RIGHT: &str = "the token was revoked, has ended, or does not allow this any more";
/// Lines that are shown where the client does not say how many.
const LINES: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TapWish {
    step: Option<String>,
    key: Option<String>,
    limit: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogWish {
    #[serde(default)]
    follow: bool,
    lines: Option<usize>,
}

pub(crate) async fn tap(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    asked: Asked<TapWish>,
) -> Answer<Written<Samples>> {
    let TapWish { step, key, limit } = asked.0;
    let step = step.map(|step| Name::new(&step)).transpose();
    let step = step.map_err(|cause| Problem::invalid(ApiCode::InvalidName, cause.to_string()))?;
    let id = path.pipeline(&access)?;
    let watching = api.queries.tap(&id, Wish { step, key })?;
    Ok(respond(Telling {
        watched: Watched::of(&api, id)?,
        name: "sample",
        waiting: first(&watching.shown),
        left: limit.unwrap_or(u64::MAX),
        watching,
        right: access.right.into(),
        stop: api.options.stop,
    }))
}

pub(crate) async fn logs(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    asked: Asked<LogWish>,
) -> Answer<Written<Lines>> {
    let id = path.pipeline(&access)?;
    let most = asked.0.lines.unwrap_or(LINES).min(KEPT_LINES);
    if !asked.0.follow {
        return Ok(Written::new(Json(api.queries.last_lines(&id, most)?)));
    }
    let (last, watching) = api.queries.follow_lines(&id, most)?;
    let mut waiting = first(&watching.shown);
    waiting.extend(last.iter().map(|line| event("line", line.as_ref())));
    Ok(respond(Telling {
        watched: Watched::of(&api, id)?,
        name: "line",
        waiting,
        left: u64::MAX,
        watching,
        right: access.right.into(),
        stop: api.options.stop,
    }))
}

/// What a tap tells.
pub(crate) struct Samples;

impl Kinds for Samples {
    fn kinds(types: &mut DocumentTypes) -> Vec<(&'static str, Value)> {
        vec![told(types, |types| ("sample", types.given::<Sample>()))]
    }
}

/// Lines that there are, or all that come.
pub(crate) struct Lines;

impl Kinds for Lines {
    fn kinds(types: &mut DocumentTypes) -> Vec<(&'static str, Value)> {
        let stream = told(types, |types| ("line", types.given::<Line>()));
        vec![("application/json", types.given::<LastLines>()), stream]
    }
}

/// A stream of items, and of what is told of it.
fn told(
    types: &mut DocumentTypes,
    item: impl FnOnce(&mut DocumentTypes) -> (&'static str, Value),
) -> (&'static str, Value) {
    let told = [
        ("shown", types.given::<Shown>()),
        item(types),
        ("missed", types.given::<Missed>()),
        ("ended", types.given::<Ended>()),
    ];
    events(&told)
}

/// The pipeline that a client watches.
pub(crate) struct Watched {
    queries: Queries,
    id: PipelineId,
    life: Life,
}

impl Watched {
    pub(crate) fn of(api: &ApiState, id: PipelineId) -> Answer<Self> {
        let life = api.queries.get_pipeline(&id)?.life;
        let queries = api.queries.clone();
        Ok(Self { queries, id, life })
    }

    /// Whether it is another one by now, or going.
    pub(crate) fn is_gone(&self) -> bool {
        let known = self.queries.get_pipeline(&self.id);
        known.is_ok_and(|known| known.life != self.life || known.phase == PipelinePhase::Deleting)
    }

    /// Why the stream ends, where its client has not ended it.
    pub(crate) fn why_ended(&self) -> String {
        self.queries.why_ended(&self.id, self.life)
    }
}

/// The last event of a stream that its client has not ended.
pub(crate) fn ended(reason: impl Into<String>) -> Event {
    event(
        "ended",
        &Ended {
            reason: reason.into(),
        },
    )
}

/// A stream on its way to a client.
struct Telling<T, F> {
    watched: Watched,
    /// What its items are called.
    name: &'static str,
    /// What is to be sent before the next item.
    waiting: VecDeque<Event>,
    /// Items that the client still wants.
    left: u64,
    watching: Watching<LiveStream<T, F>>,
    right: WatchedRight,
    stop: CancellationToken,
}

/// The end of a stream that ends before its client wants it to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedStream")]
pub(crate) struct Ended {
    reason: String,
}

/// The right by which a client watches. It is looked at now and then while the client does.
pub(crate) struct WatchedRight {
    right: Right,
    looked: Instant,
}

impl From<Right> for WatchedRight {
    fn from(right: Right) -> Self {
        let looked = Instant::now();
        Self { right, looked }
    }
}

impl WatchedRight {
    /// The last event of the stream, once the right is gone.
    pub(crate) fn ended(&mut self) -> Option<Event> {
        if self.looked.elapsed() < LOOK_AT_RIGHT {
            return None;
        }
        self.looked = Instant::now();
        (!self.right.holds()).then(|| ended(NO_RIGHT))
    }
}

/// The beginning of every stream.
fn first(shown: &Shown) -> VecDeque<Event> {
    VecDeque::from([event("shown", shown)])
}

pub(crate) fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}

fn respond<K, T, F>(telling: Telling<T, F>) -> Written<K>
where
    T: Serialize + Send + Sync + 'static,
    F: Send + 'static,
{
    let events = stream::unfold(telling, async |mut telling| {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Written::new(Sse::new(events).keep_alive(keep_alive))
}

impl<T: Serialize, F> Telling<T, F> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.left == 0 {
                return None;
            }
            if let Some(ended) = self.right.ended() {
                self.left = 0;
                return Some(ended);
            }
            let item = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.left = 0;
                    return Some(ended(ENGINE_STOPS));
                }
                item = self.watching.stream.next() => Some(item),
                () = tokio::time::sleep(LOOK_AT_RIGHT) => None,
            };
            let missed = self.watching.stream.missed();
            match item {
                Some(None) => {
                    self.wait(None, missed);
                    self.waiting.push_back(ended(self.watched.why_ended()));
                    self.left = 0;
                }
                item => self.wait(item.flatten(), missed),
            }
        }
    }

    /// What was missed is told before the item that came after it.
    fn wait(&mut self, item: Option<Arc<T>>, missed: Option<Missed>) {
        self.waiting.extend(missed.map(|missed| event("missed", &missed)));
        if let Some(item) = item {
            self.left -= 1;
            self.waiting.push_back(event(self.name, item.as_ref()));
        }
    }
}
