//! The meaning of each route and of its answer, for the page of the API.

use tailrace_core::codes::ApiCode;

/// More about a route than its row of the table says.
pub(super) struct About {
    /// Further sentences, if the summary does not say enough.
    pub(super) does: &'static str,
    /// The body that it takes.
    pub(super) body: &'static str,
    /// The answer of success.
    pub(super) answer: &'static str,
    /// Codes of errors besides those of many routes.
    pub(super) fails: &'static [ApiCode],
}

/// The section that a route belongs to.
pub(super) fn group(path: &str) -> &'static str {
    let rest = path.strip_prefix("/v1/tenants/{tenant}/pipelines/{pipeline}");
    match (path, rest) {
        ("/healthz" | "/readyz" | "/openapi.json" | "/v1/schemas/pipeline.json" | "/metrics", _) => {
            "Probes, metrics and descriptions"
        }
        ("/v1/tenants" | "/v1/tenants/{tenant}", _) => "Tenants",
        ("/v1/engines" | "/v1/streams", _) => "Engines and the broker",
        (_, Some(rest)) if rest.starts_with("/candidate") => "Candidates",
        (_, Some(rest))
            if ["/steps", "/vectors", "/sketches", "/timers", "/joins", "/tables"]
                .iter()
                .any(|it| rest.starts_with(it)) =>
        {
            "Queries"
        }
        (_, Some(rest)) if rest.starts_with("/dead-letters") => "Dead letters",
        _ if path.contains("/tokens") || path == "/v1/whoami" => "Tokens of operators and tenants",
        _ if path.contains("/audit") => "Audit log",
        (_, Some(rest)) if rest.starts_with("/outputs") => "Events and results",
        _ if path.contains("/streams") || path.ends_with("/events") => "Events and results",
        _ if path.contains("/plugins") => "Plugins",
        _ => "Pipelines",
    }
}

const APPLIED: &str = "200 with `revision`, `changed`, `candidate` if the revision is a candidate, and `warnings` if there are any. With `dry-run=true` also `dry_run` and `changes`: each `field` with `before` and `after`";
const TOKEN: &str = "JSON with `scope` (`read`, `deploy` or `admin`; `deploy` by default), `label` and `expires-in` (such as `30d`; 90 days by default, and `null` is for ever). Each field is optional.";
const OPERATORS_TOKEN: &str = "JSON with `scope` (`read`, `deploy` or `admin`; `admin` by default), `label` and `expires-in` (such as `30d`; for ever by default). Each field is optional.";
const MADE: &str = "201 with `token`, `tenant`, `id`, `scope`, `label`, `created_ms` and `expires_ms`. `token` is shown only here";
const TOKENS: &str = "200 with a list of tokens: `id`, `scope`, `label`, `created_ms` and `expires_ms`";
const TENANT: &str = "200 with `name`, `read`, `write`, `nats_account`, `quotas`, `used` and `created_ms`";
const AUDIT: &str = "200 with a list of records: `sequence`, `id`, `at_ms`, `who`, `action`, `tenant`, `tenant_life`, `target`, `before`, `after`, `registry_revision` and `outcome`";
const PLUGIN: &str =
    "200 with `plugin`, `digest`, `upload_digest`, `size_bytes`, `imports`, `memory` and `uploaded_ms`";
const STREAM: &str = "200 with `name`, `stream` (what the broker calls it), `subjects`, `max_age_ms`, `max_bytes`, `when_full`, `newest_only`, `events`, `bytes`, `first_sequence`, `last_sequence` and `created`";
const DRAWING: &str = "200 with the graph as JSON, Mermaid or DOT";

/// What a route does, takes, answers and refuses.
pub(super) fn about(method: &str, path: &str) -> About {
    let rest = path.strip_prefix("/v1/tenants/{tenant}").unwrap_or(path);
    let rest = rest
        .strip_prefix("/pipelines/{pipeline}")
        .map_or_else(|| rest.to_owned(), |rest| format!("P{rest}"));
    let of = |does, body, answer, fails| About {
        does,
        body,
        answer,
        fails,
    };
    match (method, rest.as_str()) {
        ("GET", "/healthz") => of("", "", "200 with `{\"status\":\"alive\"}`", &[]),
        ("GET", "/readyz") => of(
            "A load balancer should send requests only while this answers 200.",
            "",
            "200 with `{\"status\":\"ready\"}`",
            &[ApiCode::NotReady],
        ),
        ("GET", "/openapi.json") => of(
            "It has a schema of every body, answer and parameter.",
            "",
            "200 with OpenAPI 3.1",
            &[],
        ),
        ("GET", "/v1/engines") => of(
            "The share of an engine is what the engine that answers computes from the leases.",
            "",
            "200 with a list of engines: `engine`, `answers` (whether it is the one that answers), `pipelines`, `partitions` and `cannot_read`",
            &[],
        ),
        ("GET", "/v1/streams") => of(
            "A page has as many streams as the broker tells at once.",
            "",
            "200 with `streams`, `total`, `wanted_replicas`, the `accounts` of tenants, and `next` to go on with as `after`. A stream has `stream`, `pipeline` (if it is a pipeline's own), `replicas`, `leader`, `followers` (each with `node`, `current`, `offline` and `lag`), `bytes`, `first_sequence` and `last_sequence`",
            &[ApiCode::InvalidRequest, ApiCode::AccountUnavailable],
        ),
        ("GET", "/v1/schemas/pipeline.json") => of(
            "Editors use it for completion.",
            "",
            "200 with a JSON Schema",
            &[],
        ),
        ("GET", "/metrics") => of(
            "With `metrics-public = true` it needs no token.",
            "",
            "200 with OpenMetrics text. The [metrics](metrics.md) have a page of their own",
            &[],
        ),
        ("GET", "/v1/whoami") => of(
            "Use it to see why a request is refused.",
            "",
            "200 with `tenant` (none for an operator's token), `id`, `scope`, `label`, `created_ms`, `expires_ms`, `engine` and `version`",
            &[],
        ),
        ("GET", "/v1/doctor") => of(
            "It looks at every stream, consumer, snapshot and entry, and changes nothing.",
            "",
            "200 with `findings`: `kind`, `what`, `detail`, `mend` (the command, or what to decide) and `fixable`",
            &[],
        ),
        ("POST", "/v1/doctor/fix") => of(
            "It mends what is `fixable`, each thing after a last look. Every mended thing is in the audit log. Where the registry is lost, nothing is mended before `?accept-registry-loss=true` gives it up.",
            "",
            "200 with `mended` (each finding with `mended` and, if it failed, `why_not`) and the `findings` that are left",
            &[],
        ),
        ("GET", "/v1/tenants") => of(
            "A tenant whose entry this engine cannot read is listed with its `name`, `state` (`unreadable`) and `reason`.",
            "",
            "200 with a list of tenants",
            &[],
        ),
        ("PUT", "") => of(
            "Without `quotas` they stay as they are. A [quota](#quotas) that is missing in `quotas` gets its default. `nats-account` cannot change while the tenant has pipelines.",
            "JSON with `read` and `write` (lists of subject patterns), `nats-account` and `quotas`. The last two are optional.",
            TENANT,
            &[
                ApiCode::InvalidRequest,
                ApiCode::Conflict,
                ApiCode::PreconditionFailed,
            ],
        ),
        ("GET", "") => of("", "", TENANT, &[]),
        ("DELETE", "") => of(
            "Its tokens and plugins go with it.",
            "",
            "204",
            &[ApiCode::Conflict, ApiCode::PreconditionFailed],
        ),
        ("GET", "/v1/operator/tokens" | "/tokens") => of("", "", TOKENS, &[]),
        ("POST", "/v1/operator/tokens") => of("", OPERATORS_TOKEN, MADE, &[ApiCode::InvalidRequest]),
        ("POST", "/tokens") => of("", TOKEN, MADE, &[ApiCode::InvalidRequest]),
        ("DELETE", "/v1/operator/tokens/{token}") => of("", "", "204", &[ApiCode::Conflict]),
        ("GET", "/v1/audit") => of("", "", AUDIT, &[]),
        ("GET", "/audit") => of(
            "The tenant sees what happened since it was created. An operator sees what happened under its name before, too: `tenant_life` tells the two apart.",
            "",
            AUDIT,
            &[],
        ),
        ("DELETE", "/tokens/{token}") => of("", "", "204", &[]),
        ("GET", "/schemas") => of(
            "",
            "",
            "200 with a list of schemas: `name`, `compatibility` and `versions`",
            &[],
        ),
        ("GET", "/schema-rules") => of("", "", "200 with a list of rules: `subject` and `schema`", &[]),
        ("PUT", "/schema-rules/{subject}") => of(
            "The subject is a pattern, percent-encoded: `orders.%3E`. A pipeline that reads such subjects and names no `input.schema` gets the schema when it is applied. No two rules overlap.",
            "JSON with `name`, and optional `version`, `message` and `framing` (`none`, `confluent`)",
            "201 with the rule, and `otherwise`: the pipelines that read such subjects in another way; 200 if the rule was there",
            &[
                ApiCode::InvalidBody,
                ApiCode::InvalidRequest,
                ApiCode::InvalidPipeline,
                ApiCode::Conflict,
                ApiCode::QuotaExceeded,
            ],
        ),
        ("DELETE", "/schema-rules/{subject}") => of(
            "Pipelines keep what the rule has filled in.",
            "",
            "204",
            &[ApiCode::Conflict],
        ),
        ("GET", "/schemas/{schema}") => of(
            "",
            "",
            "200 with the schema: `compatibility` and `versions`, each with `version`, `id` and `format`",
            &[],
        ),
        ("DELETE", "/schemas/{schema}") => of(
            "A schema that another one refers to stays.",
            "",
            "204",
            &[ApiCode::Conflict],
        ),
        ("PUT", "/schemas/{schema}/compatibility") => of(
            "Versions that are there stay.",
            "JSON with `compatibility`: `none`, `backward`, `forward` or `full`, the last three also with `-transitive`",
            "200 with the schema",
            &[ApiCode::InvalidBody, ApiCode::Conflict],
        ),
        ("POST", "/schemas/{schema}/check") => of(
            "Nothing is kept.",
            "The same as for a push",
            "200 with `compatible`, `compatibility` and `conflicts`: `version`, `direction`, and `differences` with `rule`, `place` and `what`",
            &[ApiCode::InvalidBody, ApiCode::InvalidRequest],
        ),
        ("GET", "/schemas/{schema}/uses") => of(
            "It names the active revisions of pipelines and their candidates.",
            "",
            "200 with `pipelines` (each with `version`, `pipeline`, `revision`, `candidate` and `place`) and `schemas` that refer to it (each with `version`, `schema` and `schema_version`)",
            &[],
        ),
        ("POST", "/schemas/{schema}/versions") => of(
            "The same content again is the version that there is.",
            "JSON with `format` (`json-schema`, `avro`, `protobuf`), `schema` (the text; a descriptor set in base64), `references` (each with `name`, `schema` and `version`) and `assert-formats`. The last two are optional.",
            "201 with the version and its `id`; 200 if it was there",
            &[
                ApiCode::InvalidBody,
                ApiCode::InvalidRequest,
                ApiCode::Conflict,
                ApiCode::QuotaExceeded,
            ],
        ),
        ("GET", "/schemas/{schema}/versions/{number}") => {
            of("", "", "200 with the version and its `text`", &[])
        }
        ("DELETE", "/schemas/{schema}/versions/{number}") => of(
            "A version that another one refers to stays. Its number is not given again.",
            "",
            "204",
            &[ApiCode::Conflict],
        ),
        ("POST", "P/resume") => of(
            "A parked pipeline tries again. The reason in its status says which parameter helps.",
            "",
            "204. 409 if it is parked again, with the reason",
            &[
                ApiCode::Conflict,
                ApiCode::InvalidPipeline,
                ApiCode::InvalidRequest,
            ],
        ),
        ("GET", "/streams") => of("", "", "200 with a list of streams", &[]),
        ("GET", "/streams/{stream}") => of("", "", STREAM, &[]),
        ("PUT", "/streams/{stream}") => of(
            "Pipelines find it by its subjects. A stream that is there is changed; its events stay.",
            "JSON with `subjects` (a list of patterns, within the read grant and the write grant), `max-age` (`7d`), `max-bytes` (`1GiB`) and `when-full` (`drop-oldest` or `refuse`). Only `subjects` is required.",
            STREAM,
            &[ApiCode::InvalidRequest, ApiCode::Conflict, ApiCode::QuotaExceeded],
        ),
        ("DELETE", "/streams/{stream}") => of(
            "This cannot be undone. A stream that a pipeline reads is refused without `force`.",
            "",
            "204",
            &[ApiCode::Conflict],
        ),
        ("POST", "/events") => of(
            "Either every event is fit to be published, or none is published. Events with an `id` may be sent again: their stream takes each once within two minutes. The audit log does not record events.",
            "As `application/x-ndjson`, each line is the payload of an event. As JSON, also without `Content-Type`, `events` is a list of at most 1,000 objects. Each has `subject`, `headers` (an object), `id`, and exactly one of `payload` (JSON, taken as it is written), `text` and `base64`.",
            "200 with `published` (a number) and `events`: for each event its `stream`, its `sequence`, and `duplicate` if its `id` was known",
            &[
                ApiCode::InvalidRequest,
                ApiCode::Conflict,
                ApiCode::UnsupportedMediaType,
            ],
        ),
        ("GET", "P/outputs") => of(
            "Only results of commits are shown, each once, in the order of the pipeline's own stream.",
            "",
            "200 with `stream`, `subjects`, `outputs` and `pending` (the number of outputs after these). An output has `sequence`, `subject`, `stored_ms`, `headers`, `encoding` (`json`, `text` or `base64`) and `value`. With `follow=true`, server-sent events: `shown` once, then `output`",
            &[
                ApiCode::Conflict,
                ApiCode::InvalidRequest,
                ApiCode::TooManyWatchers,
            ],
        ),
        ("GET", "/plugins") => of("", "", "200 with a list of plugin versions", &[]),
        ("PUT", "/plugins/{plugin}/versions/{version}") => of(
            "A version is immutable. The same bytes again are accepted, other bytes are refused. A form may hold a config and an event to try the plugin with.",
            "The component, or the core module that cargo built. A form has the parts `plugin`, `config` (JSON or YAML) and `event` (a payload).",
            "201 for a new version, 200 for a known one. It has the fields of a plugin version, `compiled` (the cost of the compilation) and `trial`",
            &[
                ApiCode::InvalidPlugin,
                ApiCode::PluginTooCostly,
                ApiCode::InvalidVersion,
                ApiCode::Conflict,
                ApiCode::QuotaExceeded,
                ApiCode::TooManyUploads,
            ],
        ),
        ("GET", "/plugins/{plugin}/versions/{version}") => of("", "", PLUGIN, &[ApiCode::InvalidVersion]),
        ("GET", "/plugins/{plugin}/versions/{version}/component") => of(
            "The bytes are those of `digest`: the component that the engine runs. For a core module that was uploaded it is the component made of it.",
            "",
            "200 with the component",
            &[
                ApiCode::InvalidVersion,
                ApiCode::Conflict,
                ApiCode::TooManyUploads,
            ],
        ),
        ("DELETE", "/plugins/{plugin}/versions/{version}") => of(
            "A version that a revision names stays: an active one, a candidate, or one that is kept. The refusal names them. The number is free then, for other bytes too.",
            "",
            "204",
            &[ApiCode::InvalidVersion, ApiCode::Conflict],
        ),
        ("GET", "/pipelines") => of(
            "",
            "",
            "200 with a list of pipelines: `name`, `revision`, `partitions` and the state",
            &[],
        ),
        ("GET", "/graph" | "P/graph") => of("", "", DRAWING, &[]),
        ("PUT", "P") => of(
            "The name in the manifest must be the one in the path. A new revision takes effect between two batches.",
            "A [pipeline manifest](pipeline.md).",
            APPLIED,
            &[
                ApiCode::InvalidPipeline,
                ApiCode::InvalidPlugin,
                ApiCode::InvalidRequest,
                ApiCode::Conflict,
                ApiCode::PreconditionFailed,
                ApiCode::QuotaExceeded,
            ],
        ),
        ("GET", "P") => of(
            "",
            "",
            "200 with the active revision, its manifest and its plugins' digests",
            &[],
        ),
        ("DELETE", "P") => of(
            "This cannot be undone.",
            "",
            "204",
            &[ApiCode::PreconditionFailed],
        ),
        ("GET", "P/status") => of(
            "The counters are those of the engine that answers. Partitions of other engines appear with their last commit.",
            "",
            "200 with the state, the partitions, the counters, the lag, the candidate and the alarms",
            &[],
        ),
        ("GET", "P/tap") => of(
            "The stream shows the calls on the engine that answers. It is a bounded sample.",
            "",
            "200 with server-sent events: `shown` once, then `sample`, and `missed` if samples were left out",
            &[ApiCode::Conflict, ApiCode::TooManyWatchers],
        ),
        ("GET", "P/logs") => of(
            "The lines are those of the engine that answers.",
            "",
            "200 with a list of lines. With `follow=true`, server-sent events: `shown` once, then `line`, and `missed` if lines were left out",
            &[ApiCode::Conflict, ApiCode::TooManyWatchers],
        ),
        ("POST", "P/pause") => of(
            "No event is lost.",
            "JSON with `reason`, which is optional.",
            "204",
            &[],
        ),
        ("GET", "P/revisions") => of("", "", "200 with a list of numbers", &[]),
        ("GET", "P/revisions/{revision}") => {
            of("", "", "200 with the manifest and its plugins' digests", &[])
        }
        ("POST", "P/rollback") => of(
            "The earlier revision becomes a new one. Without `to`, a candidate is abandoned, or the previous revision becomes active.",
            "JSON with `to` (a revision) and `force` (true or false). Both are optional.",
            APPLIED,
            &[ApiCode::Conflict, ApiCode::InvalidRequest],
        ),
        ("GET", "P/candidate") => of(
            "The comparison covers the partitions of the engine that answers.",
            "",
            "200 with `active_revision`, `candidate`, `last_candidate` and `found`",
            &[],
        ),
        ("DELETE", "P/candidate") | ("POST", "P/candidate/promote") => {
            of("", "", APPLIED, &[ApiCode::Conflict])
        }
        ("GET", "P/steps/{step}/state") => of(
            "",
            "",
            "200 with a list of entries: `key`, `partition`, `expires_ms`, `encoding` (`json`, `text` or `base64`) and `value`",
            &[],
        ),
        ("GET", "P/steps/{step}/state/{key}") => of(
            "If several partitions hold the key, the lowest one answers.",
            "",
            "200 with the value as the plugin wrote it. The headers are `tr-partition`, `tr-expires-ms`, and `tr-stand-in` if another entry stands in for the key",
            &[],
        ),
        ("GET", "P/vectors/{collection}/{id}") => of("", "", "200 with `id`, `vector` and `partition`", &[]),
        ("GET", "P/vectors/{collection}") => of(
            "The order is that of their ids. A page holds at most 200,000 numbers, so one of long vectors has fewer than `limit`. Several partitions may hold a vector of the same id.",
            "",
            "200 with `vectors` (each with `id`, `vector` and `partition`), and `next` to go on with as `after`",
            &[],
        ),
        ("GET", "P/timers") => of(
            "A page may hold fewer than `limit`, though there are more: then it has `next`.",
            "",
            "200 with `timers` (each with `at_ms`, `step`, `key`, `name`, `set_by`, `partition`, `encoding` and `value`), and `next` to go on with as `after`",
            &[ApiCode::InvalidRequest],
        ),
        ("GET", "P/joins/{join}") => of(
            "The order is that of their keys. Events that an earlier declaration of the join has kept are left out.",
            "",
            "200 with `kept` (each with `key`, `side`, `input`, `time_ms`, `until_ms`, `paired`, `sequence`, `partition` and `payload`), and `next` to go on with as `after`",
            &[ApiCode::InvalidRequest],
        ),
        ("GET", "P/tables/{table}") => of(
            "The order is that of their keys. Where each partition holds all rows, the partition answers that has read the most of the table. A page may hold fewer than `limit`, though there are more: then it has `next`.",
            "",
            "200 with `rows` (each with `key`, `partition`, `encoding` and `value`), and `next` to go on with as `after`",
            &[ApiCode::InvalidRequest],
        ),
        ("GET", "P/sketches") => of(
            "",
            "",
            "200 with a map from the name to the report of each sketch",
            &[],
        ),
        ("GET", "P/sketches/{sketch}") => of(
            "Without `from` and `to` the answer covers all time. The engine widens a time to whole windows.",
            "",
            "200 with the report, its `bound`, `covers` (for windows) and `groups` (with `by=true`)",
            &[ApiCode::InvalidRequest, ApiCode::Conflict],
        ),
        ("GET", "P/sketches/{sketch}/drift") => of(
            "`last` and `base` are stretches of event time, such as `1h` and `24h`. The second one ends where the first begins. The explanation of sketches says what the number is for each kind.",
            "",
            "200 with `drift`, and `last` and `base`, each with `from`, `to`, `window` and `count`. Without values in both stretches, `drift` is `null`",
            &[ApiCode::InvalidRequest, ApiCode::Conflict],
        ),
        ("GET", "P/windows/{window}") => of(
            "`group` is the value of a group, or a JSON array of its values. For a hopping window the answer lists its steps.",
            "",
            "200 with `windows` (each with `partition`, `events` and the `result` so far), and `next` to go on with as `after`",
            &[],
        ),
        ("GET", "P/dead-letters") => of(
            "",
            "",
            "200 with a list of dead letters, each with its reason and its payload",
            &[],
        ),
        ("GET", "P/dead-letters/{letter}") => of("", "", "200 with the dead letter", &[]),
        ("POST", "P/dead-letters/{letter}/redrive") => of(
            "The event goes to the step that failed. A repeated request does not send it twice. One that is late for its windows, or whose payload was cut, is refused.",
            "",
            "202 with `sent`: whether this request has sent it, and not another one before",
            &[ApiCode::Conflict],
        ),
        ("POST", "P/steps/{step}/state-deletions") => of(
            "Each partition deletes between two events, once, as part of its commits, a bounded number of entries at a time. Events that come after it find nothing there. The pipeline must run for it to be done.",
            "JSON with `key` (one entry) or `prefix` (all whose keys begin with it; an empty one means all).",
            "202 with `number`, by which its outcome is asked for",
            &[ApiCode::Conflict, ApiCode::InvalidBody, ApiCode::InvalidRequest],
        ),
        ("GET", "P/state-deletions/{number}") => of(
            "The outcomes of the last 16 orders are kept.",
            "",
            "200 with `done`, `entries` (the number of entries deleted so far) and `waiting` (the partitions that have not done it)",
            &[],
        ),
        _ => panic!("the page of the API does not explain {method} {path}"),
    }
}
