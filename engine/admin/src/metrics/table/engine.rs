//! Metrics of an engine: what it watches, tells, answers and is connected to.

use crate::metrics::metric::{Metric, Read, counter, gauge};

pub(super) static TABLE: &[Metric] = &[
    gauge(
        "watchers",
        "streams",
        "Taps and logs that are watched",
        Read::Engine(|measured| Some(measured.watchers)),
    ),
    gauge(
        "engine_alarms_firing",
        "alarms",
        "Alarms of this engine that fire",
        Read::Engine(|measured| Some(measured.alarms_firing)),
    ),
    counter(
        "alarm_notices_sent",
        "notices",
        "Notices of alarms that arrived",
        Read::Engine(|measured| Some(measured.notices.sent)),
    ),
    counter(
        "alarm_notices_failed",
        "tries",
        "Tries to send a notice of an alarm that failed",
        Read::Engine(|measured| Some(measured.notices.failed)),
    ),
    counter(
        "alarm_notices_given_up",
        "notices",
        "Notices of alarms that were given up after too many tries",
        Read::Engine(|measured| Some(measured.notices.given_up)),
    ),
    counter(
        "spans_exported",
        "spans",
        "Spans of traces that the collector took",
        Read::Engine(|measured| Some(measured.spans.exported)),
    ),
    counter(
        "spans_dropped",
        "spans",
        "Spans of traces left out for want of room in the queue",
        Read::Engine(|measured| Some(measured.spans.dropped)),
    ),
    counter(
        "spans_failed",
        "spans",
        "Spans of traces that the collector did not take",
        Read::Engine(|measured| Some(measured.spans.failed)),
    ),
    counter(
        "query_cache_hits",
        "queries",
        "Queries answered from the cache",
        Read::Api(|api| api.response_cache.hits()),
    ),
    counter(
        "query_cache_misses",
        "queries",
        "Queries answered without it",
        Read::Api(|api| api.response_cache.misses()),
    ),
    gauge(
        "query_cache_bytes",
        "bytes",
        "What the cache of queries holds",
        Read::Api(|api| api.response_cache.bytes()),
    ),
    counter(
        "sketch_part_hits",
        "parts",
        "Merged windows of sketches that a query found kept",
        Read::Engine(|measured| Some(measured.parts.hits)),
    ),
    counter(
        "sketch_part_misses",
        "parts",
        "Merged windows of sketches that a query had to merge",
        Read::Engine(|measured| Some(measured.parts.misses)),
    ),
    gauge(
        "sketch_part_bytes",
        "bytes",
        "What the merged windows that are kept weigh",
        Read::Engine(|measured| Some(measured.parts.bytes)),
    ),
    gauge(
        "http_connections",
        "connections",
        "Connections of the API",
        Read::Api(|api| api.edge.open() as u64),
    ),
    counter(
        "http_accepted_connections",
        "connections",
        "Connections of the API that were served",
        Read::Api(|api| api.edge.accepted()),
    ),
    counter(
        "http_refused_connections",
        "connections",
        "Connections closed at once, because their address had too many",
        Read::Api(|api| api.edge.refused()),
    ),
    counter(
        "http_closed_connections",
        "connections",
        "Connections closed because no request came in time, or their client broke rules",
        Read::Api(|api| api.edge.closed()),
    ),
    gauge(
        "broker_connected",
        "",
        "Whether the broker is connected (1) or not (0)",
        Read::Engine(|measured| Some(u64::from(measured.broker_connected))),
    ),
    gauge(
        "broker_syncs_always",
        "",
        "Whether the broker writes to its disk before it answers (1) or is lazy (0); left out where it is not known",
        Read::Engine(|measured| measured.broker_syncs_always.map(u64::from)),
    ),
];
