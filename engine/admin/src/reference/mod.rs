//! The generators of two pages of `docs/reference`: the HTTP API, from the table of routes, and the metrics,
//! from the tables of metrics and of numbers for alarms.

mod http_api;
mod metrics;
mod quotas;
mod routes;
