//! A stage for requests: the router over the in-memory world, with an operator, the tenant `shop` that
//! has a plugin and a pipeline, and the tenant `bank` that has neither and wants to see `shop`'s.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use tailrace_admin::{ApiOptions, ApiState, Route, router};
use tailrace_control::{Commands, Context, Queries};
use tailrace_core::{
    identity::Digest,
    membership::{Cluster, Membership},
    name::Name,
    observe::overview::Overview,
    ports::registry::Bucket as _,
    registry::{Key, Role, Scope, watcher},
    tasks,
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{judge::judge, world::Fake};

pub const OPERATOR: &str = "tr_operator";
pub const ENDED: &str = "tr_ended";
/// Of the tenant `shop`, as an engine before roles wrote it.
pub const ENDED_OF_SHOP: &str = "tr_ended_of_shop";
pub const PLUGIN: &[u8] = b"\0asm counter";
pub const PIPELINE: &str = r#"
name: clicks
input: { stream: SHOP, subjects: ["shop.>"] }
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state] }
vectors: { users: { dimensions: 2 } }
sketches:
  amounts: { kind: quantiles, value: { json: /amount } }
  items: { kind: top, value: { json: /item }, size: 5 }
  divided: { kind: quantiles, value: { json: /amount }, window: 1m, by: { json: /shop }, groups: 5 }
"#;

/// A schema that all things of the tenant may have.
const SCHEMA: &str = r#"{"format":"avro","schema":"\"bytes\""}"#;

/// The stream that `shop` has made.
pub const STREAM: &str = r#"{"subjects":["results.in.>"]}"#;

pub struct Stage {
    pub fake: Arc<Fake>,
    pub app: Router,
    pub commands: Commands,
    pub queries: Queries,
    pub shop: String,
    pub bank: String,
    engine: Option<Engine>,
}

/// An answer, with its body whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks everything that each refusal promises; gives its code.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert!(!self.header("tr-request-id").is_empty(), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{self:?}");
        for field in ["type", "title", "detail", "code"] {
            assert!(
                body[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}: {self:?}"
            );
        }
        let shown = String::from_utf8_lossy(&self.body);
        assert!(
            shown.len() < 2_000,
            "an error must not echo a bomb: {} bytes",
            shown.len()
        );
        assert!(!shown.contains("tr_"), "no token in an answer: {shown}");
        body["code"].as_str().unwrap().to_owned()
    }
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(ApiOptions::default()).await
    }

    pub async fn with(options: ApiOptions) -> Self {
        let fake = Fake::new();
        let world = fake.world();
        let (sender, registry) = watch::channel(None);
        tasks::spawn(watcher::keep(world.clone(), sender));
        let mut read = registry.clone();
        read.wait_for(Option::is_some).await.unwrap();
        let overview = Overview::default();
        let alone = Membership::alone(Name::new("engine").unwrap());
        let (members_sender, members) = watch::channel(Some(Arc::new(alone)));
        std::mem::forget(members_sender);
        let cluster = Cluster {
            members: members.clone(),
            heard: Arc::default(),
            patience: std::time::Duration::from_secs(1),
        };
        let context = Context::new(world.clone(), registry.clone(), overview.clone(), cluster);
        let (commands, queries) = (Commands::new(context.clone()), Queries::new(context));
        commands
            .admit_token(OPERATOR, Scope::Operator(Role::Admin))
            .await
            .unwrap();
        let app = router(ApiState {
            commands: commands.clone(),
            queries: queries.clone(),
            options,
        });
        let engine = Engine {
            world,
            registry,
            overview,
            members,
            settings: Settings::default(),
            stop: CancellationToken::new(),
        };
        let mut stage = Self {
            fake,
            app,
            commands,
            queries,
            shop: String::new(),
            bank: String::new(),
            engine: Some(engine),
        };
        stage.shop = stage.tenant("shop").await;
        stage.bank = stage.tenant("bank").await;
        stage.ended_tokens().await;
        stage
            .ok("PUT", "/v1/tenants/shop/plugins/counter/versions/1.0.0", PLUGIN)
            .await;
        stage
            .ok("PUT", "/v1/tenants/shop/pipelines/clicks", PIPELINE)
            .await;
        stage.fake.leave_letter();
        stage.ok("PUT", "/v1/tenants/shop/streams/inbox", STREAM).await;
        stage
            .ok("POST", "/v1/tenants/shop/schemas/order/versions", SCHEMA)
            .await;
        stage
            .ok("POST", "/v1/tenants/shop/schemas/bound/versions", SCHEMA)
            .await;
        stage
            .ok(
                "PUT",
                "/v1/tenants/shop/schema-rules/inbox.bound",
                r#"{"name":"bound"}"#,
            )
            .await;
        stage
    }

    /// The same, asked through another router.
    pub fn twin(&self, app: Router) -> Self {
        Self {
            fake: self.fake.clone(),
            app,
            commands: self.commands.clone(),
            queries: self.queries.clone(),
            shop: self.shop.clone(),
            bank: self.bank.clone(),
            engine: None,
        }
    }

    /// Starts the engine, which finds no broker to speak of.
    pub fn start_engine(&mut self) {
        tasks::spawn(self.engine.take().expect("it was not started yet").run());
    }

    async fn tenant(&self, name: &str) -> String {
        let path = format!("/v1/tenants/{name}");
        self.ok(
            "PUT",
            &path,
            r#"{"read":["shop.>","results.in.>"],"write":["results.>"]}"#,
        )
        .await;
        let made = self
            .ok(
                "POST",
                &format!("{path}/tokens"),
                r#"{"scope":"admin","expires-in":null}"#,
            )
            .await;
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Tokens that have ended, as an engine before ids, labels and roles wrote them.
    async fn ended_tokens(&self) {
        let scopes = [
            (ENDED, json!("operator")),
            (ENDED_OF_SHOP, json!({ "tenant": "shop" })),
        ];
        for (token, scope) in scopes {
            let hash = Digest::of(token.as_bytes());
            let entry = json!({ "hash": hash, "scope": scope, "created_ms": 1, "expires_ms": 2 });
            let key = Key::Token(hash).to_string();
            self.fake
                .registry
                .put(&key, entry.to_string().into(), 0)
                .await
                .unwrap();
        }
    }

    /// Asks as an operator, and it works.
    pub async fn ok(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let answer = self.ask(method, path, &[OPERATOR], body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        answer
    }

    /// Asks with these bearer tokens.
    pub async fn ask(&self, method: &str, path: &str, tokens: &[&str], body: impl Into<Body>) -> Answer {
        let values = tokens.iter().map(|token| format!("Bearer {token}"));
        self.send(method, path, values, body).await
    }

    /// Sends a request with these authorization headers.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: impl IntoIterator<Item = String>,
        body: impl Into<Body>,
    ) -> Answer {
        let authorization = authorization.into_iter();
        let headers = authorization.map(|value| (header::AUTHORIZATION.as_str(), value));
        self.send_with(method, path, headers, body).await
    }

    /// Sends a request with these headers.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: impl IntoIterator<Item = (&str, String)>,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        judge(
            method,
            path,
            answer.status,
            answer.header("content-type"),
            &answer.body,
        );
        answer
    }
}

/// What stands for each parameter of a path: things that exist.
fn filling(parameter: &str) -> &'static str {
    match parameter {
        "tenant" => "shop",
        "plugin" => "counter",
        "version" => "1.0.0",
        "pipeline" => "clicks",
        "stream" => "inbox",
        "schema" => "order",
        "number" | "revision" => "1",
        "step" => "count",
        "key" => "json",
        "collection" => "users",
        "id" => "u1",
        "sketch" => "divided",
        "window" => "per-minute",
        "join" => "bought",
        "table" => "customers",
        "letter" => "1125899906842624",
        "subject" => "inbox.bound",
        "token" => "none-of-ours",
        other => panic!("the tests do not know the path parameter {other}"),
    }
}

/// The names of a path's parameters, in order.
pub fn parameters(path: &str) -> Vec<&str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}

/// The route's path, with one parameter replaced.
pub fn path_with(route: &Route, parameter: &str, value: &str) -> String {
    parameters(route.path)
        .into_iter()
        .fold(route.path.to_owned(), |path, name| {
            let filled = match name {
                _ if name == parameter => value,
                // The order that stands behind the dead letter.
                "number" if path.contains("/state-deletions/") => "1125899906842625",
                _ => filling(name),
            };
            path.replace(&format!("{{{name}}}"), filled)
        })
}

/// The route's path, to things that exist.
pub fn path(route: &Route) -> String {
    path_with(route, "", "")
}

/// A body that the route takes, and that would change something.
pub fn body(route: &Route) -> &'static str {
    match (route.method, route.path) {
        ("PUT", path) if path.ends_with("{tenant}") => r#"{"read":["bank.>"],"write":[]}"#,
        ("PUT", path) if path.contains("/plugins/") => "\0asm counter",
        ("PUT", path) if path.contains("/streams/") => r#"{"subjects":["results.in.>"],"max-age":"1d"}"#,
        ("PUT", path) if path.contains("/schema-rules/") => r#"{"name":"bound","version":1}"#,
        ("PUT", path) if path.ends_with("/compatibility") => r#"{"compatibility":"full"}"#,
        ("PUT", _) => PIPELINE,
        ("POST", path) if path.contains("/schemas/") => r#"{"format":"avro","schema":"\"string\""}"#,
        ("POST", path) if path.ends_with("/state-deletions") => r#"{"prefix":"a"}"#,
        ("POST", path) if path.ends_with("/events") => {
            r#"{"events":[{"subject":"results.in.a","payload":{"n":1}}]}"#
        }
        _ => "",
    }
}

/// The methods by which a route can be asked.
pub fn methods(route: &Route) -> Vec<Method> {
    let own = Method::from_bytes(route.method.as_bytes()).unwrap();
    if own == Method::GET {
        vec![own, Method::HEAD]
    } else {
        vec![own]
    }
}
