//! Results of a pipeline: a page of them, or all that come, as server-sent events.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_control::query::outputs::{MAX_OUTPUTS, OutputPage, OutputPlace, OutputsFrom};
use tailrace_core::{
    codes::ApiCode,
    event::Header,
    identity::PipelineId,
    observe::watch_permits::WatchPermit,
    ports::{broker::Incoming, messages::ReadFrom},
};

use crate::{
    ApiState,
    access::Access,
    answers::{Kinds, Written, events},
    document_types::DocumentTypes,
    input::{Asked, PAGE, PathParameters, page_of},
    problem::{Answer, Problem},
    queries::{Value, plain},
    views::{ENGINE_STOPS, Ended, KEEP_ALIVE, Watched, WatchedRight, ended, event},
};

/// How often a follower looks for what is new.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputsWish {
    /// `first`, `new`, a sequence, or a time.
    from: Option<String>,
    after: Option<u64>,
    key: Option<String>,
    limit: Option<u64>,
    #[serde(default)]
    follow: bool,
}

impl OutputsWish {
    fn begin(&self) -> Answer<OutputsFrom> {
        let wrong = |detail: &str| Problem::invalid(ApiCode::InvalidQuery, detail);
        match (self.after, self.from.as_deref()) {
            (Some(_), Some(_)) => Err(wrong("give one of after= and from=")),
            (Some(after), None) => Ok(OutputsFrom::At(ReadFrom::Sequence(after.saturating_add(1)))),
            (None, Some(text)) => text.parse().map_err(|why| wrong(&format!("from={text}: {why}"))),
            (None, None) if self.follow => Ok(OutputsFrom::New),
            (None, None) => Ok(OutputsFrom::First),
        }
    }
}

/// A result, as it is shown.
#[derive(Serialize, JsonSchema)]
struct Output {
    sequence: u64,
    subject: String,
    stored_ms: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
    #[serde(flatten)]
    value: Value,
}

impl From<Incoming> for Output {
    fn from(message: Incoming) -> Self {
        let is_shown = |header: &Header| !header.name.starts_with("Nats-");
        Self {
            sequence: message.sequence,
            subject: message.subject,
            stored_ms: message.received_ms,
            headers: message.headers.into_iter().filter(is_shown).collect(),
            value: plain(message.payload.to_vec()),
        }
    }
}

/// A page of them, or all that come.
pub(crate) struct Results;

impl Kinds for Results {
    fn kinds(types: &mut DocumentTypes) -> Vec<(&'static str, serde_json::Value)> {
        let told = [
            ("shown", types.given::<OutputPlace>()),
            ("output", types.given::<Output>()),
            ("ended", types.given::<Ended>()),
        ];
        vec![("application/json", types.given::<ShownPage>()), events(&told)]
    }
}

/// A page of results.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutputPage")]
struct ShownPage {
    #[serde(flatten)]
    place: OutputPlace,
    outputs: Vec<Output>,
    /// How many come after these.
    pending: u64,
}

pub(crate) async fn outputs(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(wish): Asked<OutputsWish>,
) -> Answer<Written<Results>> {
    let id = path.pipeline(&access)?;
    let from = wish.begin()?;
    let limit = wish
        .limit
        .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if !wish.follow {
        let limit = page_of(limit, PAGE, MAX_OUTPUTS)?;
        let page = api.queries.outputs(&id, from, wish.key.as_deref(), limit);
        let OutputPage {
            place,
            outputs,
            pending,
            ..
        } = page.await?;
        let outputs = outputs.into_iter().map(Output::from).collect();
        return Ok(Written::new(Json(ShownPage {
            place,
            outputs,
            pending,
        })));
    }
    let left = page_of(limit, usize::MAX, usize::MAX)? as u64;
    let permit = api.queries.outputs_permit(&id)?;
    let first = api.queries.outputs(&id, from, wish.key.as_deref(), 0).await?;
    let following = Following {
        watched: Watched::of(&api, id.clone())?,
        waiting: VecDeque::from([event("shown", &first.place)]),
        from: first.next,
        key: wish.key,
        left,
        right: access.right.into(),
        id,
        api,
        _permit: permit,
    };
    let events = stream::unfold(following, async |mut following| {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Written::new(Sse::new(events).keep_alive(keep_alive)))
}

/// A client that follows.
struct Following {
    watched: Watched,
    waiting: VecDeque<Event>,
    from: ReadFrom,
    key: Option<String>,
    /// Outputs that the client still wants.
    left: u64,
    right: WatchedRight,
    id: PipelineId,
    api: ApiState,
    _permit: WatchPermit,
}

impl Following {
    /// The next event; none at the end.
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
            let has_more = match self.look().await {
                Ok(has_more) => has_more,
                Err(reason) => {
                    self.left = 0;
                    return Some(ended(reason));
                }
            };
            if !has_more {
                tokio::select! {
                    () = self.api.options.stop.cancelled() => {
                        self.left = 0;
                        return Some(ended(ENGINE_STOPS));
                    }
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    /// Reads what is new; says why where there is nothing to follow any more. A broker that is away is waited for.
    async fn look(&mut self) -> Result<bool, String> {
        if self.watched.is_gone() {
            return Err(self.watched.why_ended());
        }
        let most = self.left.min(PAGE as u64) as usize;
        let from = OutputsFrom::At(self.from);
        let read = self
            .api
            .queries
            .outputs(&self.id, from, self.key.as_deref(), most);
        match read.await {
            Ok(page) => {
                self.from = page.next;
                self.left -= page.outputs.len() as u64;
                let shown = page.outputs.into_iter().map(Output::from);
                self.waiting
                    .extend(shown.map(|output| event("output", &output).id(output.sequence.to_string())));
                Ok(!self.waiting.is_empty())
            }
            Err(cause) if cause.code() == ApiCode::BrokerUnavailable => Ok(false),
            Err(cause) if cause.code() == ApiCode::NotFound => Err(self.watched.why_ended()),
            Err(cause) => Err(cause.to_string()),
        }
    }
}
