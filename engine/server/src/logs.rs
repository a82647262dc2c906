//! Where log lines go: to standard error, as text for people or as JSON for programs, one object a line.
//! In JSON the fields of the spans that a line lies in (`tenant`, `pipeline`, `partition`) stand beside
//! its own (`sequence`, `trace_id`, `step`), so a reader needs one name for each wherever it comes from.

use std::{fmt, io::IsTerminal as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

use crate::config::{LogConfig, LogFormat};

/// Sets logs up; once a process.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|cause| {
        anyhow::anyhow!(
            "log.filter {:?} is not valid: {cause}; write info, or tailrace_core=debug",
            config.filter
        )
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(wants_colours(
            std::io::stderr().is_terminal(),
            std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()),
        ))
        .with_writer(std::io::stderr);
    let set = match config.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(Flat).try_init(),
    };
    set.map_err(|cause| anyhow::anyhow!("logs are set up already: {cause}"))
}

/// Colours are for a terminal, and for who has not said otherwise (no-color.org).
fn wants_colours(is_terminal: bool, no_color: bool) -> bool {
    is_terminal && !no_color
}

/// One object a line, without nesting.
struct Flat;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for Flat {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let written = extensions.get::<FormattedFields<JsonFields>>();
            let fields = written.and_then(|written| serde_json::from_str::<Map<_, _>>(written).ok());
            line.extend(fields.unwrap_or_default());
        }
        event.record(&mut Fields(&mut line));
        // Last, so that no field takes their place.
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let about = event.metadata();
        for (name, value) in [
            ("time", time.as_str()),
            ("level", about.level().as_str()),
            ("target", about.target()),
        ] {
            line.insert(name.to_owned(), value.into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Takes the fields of a line.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        assert!(wants_colours(true, false));
        assert!(!wants_colours(true, true) && !wants_colours(false, false));
    }

    #[test]
    fn a_line_is_one_flat_object_whatever_it_says() {
        let page = Page::default();
        let written = page.clone();
        let lines = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Flat)
            .with_writer(move || written.clone())
            .finish();
        tracing::subscriber::with_default(lines, || {
            let _outer = tracing::error_span!("pipeline", tenant = "shop", partition = 1).entered();
            let _inner = tracing::error_span!("partition", partition = 2).entered();
            let trace_id: Option<&str> = None;
            tracing::info!(sequence = 7_u64, trace_id, "says \"{}\"\n\u{1b}[31m", "it");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["tenant"], "shop");
        assert_eq!((&line["partition"], &line["sequence"]), (&2.into(), &7.into()));
        assert_eq!(line["message"], "says \"it\"\n\u{1b}[31m");
        assert_eq!(line["level"], "INFO");
        assert!(line.get("trace_id").is_none() && line["time"].is_string());
    }
}
