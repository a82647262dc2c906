//! Metrics of an engine: what it watches, tells, answers and is connected to.

use crate::metrics::metric::{Metric, Read, counter, gauge};

pub(super) static TABLE: &[Metric] = &[
    gauge(
        "watchers",
        "streams",
        "Streams of taps and logs that clients watch",
        Read::Engine(|measured| Some(measured.watchers)),
    ),
    gauge(
        "engine_alarms_firing",
        "alarms",
        "Firing alarms of this engine",
        Read::Engine(|measured| Some(measured.alarms_firing)),
    ),
    counter(
        "alarm_notices_sent",
        "notices",
        "Notices of alarms that were delivered",
        Read::Engine(|measured| Some(measured.notices.sent)),
    ),
    counter(
        "alarm_notices_failed",
        "tries",
        "Failed tries to deliver a notice of an alarm",
        Read::Engine(|measured| Some(measured.notices.failed)),
    ),
    counter(
        "alarm_notices_given_up",
        "notices",
        "Notices of alarms that the engine gave up after too many tries",
        Read::Engine(|measured| Some(measured.notices.given_up)),
    ),
    counter(
        "spans_exported",
        "spans",
        "Spans of traces that the collector accepted",
        Read::Engine(|measured| Some(measured.spans.exported)),
    ),
    counter(
        "spans_dropped",
        "spans",
        "Spans of traces that the engine dropped because its queue was full",
        Read::Engine(|measured| Some(measured.spans.dropped)),
    ),
    counter(
        "spans_failed",
        "spans",
        "Spans of traces that the collector did not accept",
        Read::Engine(|measured| Some(measured.spans.failed)),
    ),
    counter(
        "query_cache_hits",
        "queries",
        "Queries answered from the response cache",
        Read::Api(|api| api.response_cache.hits()),
    ),
    counter(
        "query_cache_misses",
        "queries",
        "Queries answered without the response cache",
        Read::Api(|api| api.response_cache.misses()),
    ),
    gauge(
        "query_cache_bytes",
        "bytes",
        "Size of the response cache",
        Read::Api(|api| api.response_cache.bytes()),
    ),
    counter(
        "sketch_part_hits",
        "parts",
        "Merged windows of sketches that a query found in memory",
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
        "Size of the merged windows in memory",
        Read::Engine(|measured| Some(measured.parts.bytes)),
    ),
    counter(
        "store_compactions",
        "databases",
        "Local databases that were made smaller",
        Read::Engine(|measured| Some(measured.reclaimed.compactions)),
    ),
    counter(
        "store_failed_compactions",
        "tries",
        "Failed tries to make a local database smaller",
        Read::Engine(|measured| Some(measured.reclaimed.failed)),
    ),
    counter(
        "store_reclaimed_bytes",
        "bytes",
        "Disk that local databases gave back",
        Read::Engine(|measured| Some(measured.reclaimed.bytes)),
    ),
    gauge(
        "http_connections",
        "connections",
        "Open connections of the API",
        Read::Api(|api| api.edge.open() as u64),
    ),
    counter(
        "http_accepted_connections",
        "connections",
        "Connections of the API that the engine accepted",
        Read::Api(|api| api.edge.accepted()),
    ),
    counter(
        "http_refused_connections",
        "connections",
        "Connections closed at once because their address had too many",
        Read::Api(|api| api.edge.refused()),
    ),
    counter(
        "http_closed_connections",
        "connections",
        "Connections closed because no request came in time or the client broke the protocol",
        Read::Api(|api| api.edge.closed()),
    ),
    gauge(
        "data_folder_full",
        "",
        "1 while a pipeline waits for room on the disk of the data folder, else 0",
        Read::Engine(|measured| Some(u64::from(measured.data_folder_full))),
    ),
    gauge(
        "altered_streams",
        "streams",
        "Streams that the engine made for all pipelines and that somebody has altered",
        Read::Engine(|measured| Some(measured.altered_streams)),
    ),
    gauge(
        "broker_connected",
        "",
        "1 while the engine is connected to the broker, else 0",
        Read::Engine(|measured| Some(u64::from(measured.broker_connected))),
    ),
    gauge(
        "broker_syncs_always",
        "",
        "1 if the broker syncs its disk before it answers, else 0. Left out if the engine does not know",
        Read::Engine(|measured| measured.broker_syncs_always.map(u64::from)),
    ),
];
