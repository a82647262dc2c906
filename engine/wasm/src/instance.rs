//! One instance at work: a store with its limits, and the functions that a plugin exports.
//!
//! After a trap the component must not be entered again, so the instance is spent; whoever holds it
//! makes a new one, which takes some tens of microseconds.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tailrace_core::{
    event::{Event, Rejection, Verdict},
    grant::CallLimits,
    ports::{
        plugins::{Call, CallFailure, Host, Instance, LogLevel, PluginError, Trap, TrapCode},
        threads::{LONG_CALL, call_lasts},
    },
    text::plain,
    timer::Timer,
};
use wasmtime::{
    Engine, Store, UpdateDeadline,
    component::{ComponentExportIndex, InstancePre, TypedFunc},
};

use crate::{
    host::{Guest, lend},
    ticker::{self, Ticker},
    trap,
    types::{EventIn, FailureOut, MessageOut, RejectionOut, TimerIn, VerdictOut, headers_in},
};

/// Fuel of `configure`: a plugin may build tables there.
const CONFIGURE_FUEL: u64 = 2_000_000_000;
/// Wall time of `configure`.
const CONFIGURE_DEADLINE: Duration = Duration::from_secs(2);
/// Memory that one crossing of the border may take on the host's side. wasmtime's default is 128 MiB.
const HOSTCALL_BYTES: usize = 32 << 20;
/// Handles of a component; the contract has no resources, so none are needed.
const MAX_HANDLES: usize = 100;
/// Longest reason or config error that is kept of a guest, in characters.
const MAX_TEXT: usize = 512;
/// Longest code of a rejection: it becomes a header and a label of a count.
const MAX_CODE: usize = 64;

type Process = TypedFunc<(EventIn<'static>,), (Result<VerdictOut, FailureOut>,)>;
type OnTimer = TypedFunc<(TimerIn<'static>,), (Result<Vec<MessageOut>, FailureOut>,)>;

/// A step's plugin in a partition.
pub(crate) struct WasmInstance {
    store: Store<Guest>,
    ticker: Arc<Ticker>,
    time: Time,
    process: Process,
    /// Of a plugin that exports `timed`.
    on_timer: Option<OnTimer>,
    spent: bool,
}

/// What a call has until its deadline, in epochs.
#[derive(Clone, Copy)]
struct Time {
    /// Until it has lasted long, or all of it.
    first: u64,
    /// From then on.
    left: Option<u64>,
}

impl Time {
    fn of(deadline: Duration) -> Self {
        let all = ticker::epochs(deadline);
        let first = all.min(ticker::epochs(LONG_CALL));
        Self {
            first,
            left: (all > first).then(|| all - first),
        }
    }

    fn begin(self, store: &mut Store<Guest>, ticker: &Ticker) {
        ticker.begins(self.first + self.left.unwrap_or(0));
        store.data_mut().epochs_left = self.left;
        store.set_epoch_deadline(self.first);
    }
}

/// Where the exports are, found once a plugin.
#[derive(Clone, Copy)]
pub(crate) struct Exports {
    pub(crate) configure: ComponentExportIndex,
    pub(crate) process: ComponentExportIndex,
    pub(crate) on_timer: Option<ComponentExportIndex>,
}

impl WasmInstance {
    /// Instantiates and configures.
    pub(crate) fn new(
        engine: &Engine,
        ticker: &Arc<Ticker>,
        plugin: &InstancePre<Guest>,
        exports: Exports,
        config: &str,
        limits: &CallLimits,
    ) -> Result<Self, PluginError> {
        let mut store = store(engine, ticker.clone(), *limits);
        store.set_fuel(CONFIGURE_FUEL).map_err(|cause| ours(&cause))?;
        Time::of(CONFIGURE_DEADLINE).begin(&mut store, ticker);
        let instance = plugin
            .instantiate(&mut store)
            .map_err(|cause| refused("starting it", &cause, store.data()))?;
        let configure: TypedFunc<(&str,), (Result<(), String>,)> = instance
            .get_typed_func(&mut store, exports.configure)
            .map_err(|cause| other_type("configure", &cause))?;
        let (configured,) = configure
            .call(&mut store, (config,))
            .map_err(|cause| refused("configure", &cause, store.data()))?;
        configured.map_err(|reason| PluginError::Config(plain(&reason, MAX_TEXT)))?;
        let process = instance
            .get_typed_func(&mut store, exports.process)
            .map_err(|cause| other_type("process", &cause))?;
        let on_timer = exports.on_timer.map(|on_timer| {
            let found = instance.get_typed_func(&mut store, on_timer);
            found.map_err(|cause| other_type("on-timer", &cause))
        });
        Ok(Self {
            store,
            ticker: ticker.clone(),
            time: Time::of(limits.deadline),
            process,
            on_timer: on_timer.transpose()?,
            spent: false,
        })
    }

    fn call(&mut self, event: &Event) -> Result<Verdict, CallFailure> {
        let headers = headers_in(event);
        let event = EventIn::new(event, &headers);
        // `TypedFunc` is covariant, so the handle for `'static` takes an event of any lifetime.
        let outcome = self.process.call(&mut self.store, (event,));
        match outcome {
            Ok((Ok(verdict),)) => self.check(verdict),
            Ok((Err(failure),)) => Err(of_guest(failure)),
            Err(error) => Err(trap::judge(&error, self.store.data().last_words.as_deref())),
        }
    }

    fn call_timer(&mut self, on_timer: OnTimer, timer: &Timer) -> Result<Verdict, CallFailure> {
        match on_timer.call(&mut self.store, (TimerIn::from(timer),)) {
            Ok((Ok(messages),)) => self.check_messages(messages),
            Ok((Err(failure),)) => Err(of_guest(failure)),
            Err(error) => Err(trap::judge(&error, self.store.data().last_words.as_deref())),
        }
    }

    fn check(&mut self, verdict: VerdictOut) -> Result<Verdict, CallFailure> {
        match verdict {
            VerdictOut::Forward => Ok(Verdict::Forward),
            VerdictOut::Drop => Ok(Verdict::Drop),
            VerdictOut::Emit(messages) => self.check_messages(messages),
        }
    }

    /// Counts what was emitted against the caps.
    fn check_messages(&mut self, messages: Vec<MessageOut>) -> Result<Verdict, CallFailure> {
        let guest = self.store.data_mut();
        let most = guest.call.messages;
        if messages.len() > most as usize {
            let reason = format!(
                "{} messages for one event, and limits.messages allows {most}",
                messages.len()
            );
            return Err(over_cap(reason));
        }
        for message in &messages {
            guest
                .count_bytes(message.bytes())
                .map_err(|stop| over_cap(stop.to_string()))?;
        }
        Ok(Verdict::Emit(
            messages.into_iter().map(MessageOut::into_message).collect(),
        ))
    }
}

impl WasmInstance {
    /// A call of a function that the plugin exports, under the limits of one call.
    fn limited(
        &mut self,
        host: &mut dyn Host,
        call: impl FnOnce(&mut Self) -> Result<Verdict, CallFailure>,
    ) -> Call {
        let limits = self.store.data().call;
        self.store.data_mut().begin();
        self.time.begin(&mut self.store, &self.ticker);
        let result = match self.store.set_fuel(limits.fuel) {
            // A panic of the host must not take the guest thread with it. What it may have left half
            // done lies in the store, which is never entered again.
            Ok(()) => catch_unwind(AssertUnwindSafe(|| lend(host, || call(self))))
                .unwrap_or_else(|panic| Err(CallFailure::Engine(panic_text(&*panic)))),
            Err(cause) => Err(CallFailure::Engine(cause.to_string())),
        };
        if let (Err(CallFailure::Trap(_)), Some(words)) = (&result, &self.store.data().last_words) {
            host.log(LogLevel::Error, words);
        }
        self.spent |= matches!(result, Err(CallFailure::Trap(_) | CallFailure::Engine(_)));
        let fuel = limits.fuel.saturating_sub(self.store.get_fuel().unwrap_or(0));
        Call { result, fuel }
    }
}

impl Instance for WasmInstance {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        self.limited(host, |instance| instance.call(event))
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        match self.on_timer {
            Some(on_timer) => self.limited(host, |instance| instance.call_timer(on_timer, timer)),
            None => Call::not_timed(timer),
        }
    }

    fn is_spent(&self) -> bool {
        self.spent
    }

    fn memory_bytes(&self) -> u64 {
        self.store.data().limiter.memory_bytes()
    }
}

fn store(engine: &Engine, ticker: Arc<Ticker>, limits: CallLimits) -> Store<Guest> {
    let mut store = Store::new(engine, Guest::new(limits));
    store.limiter(|guest| &mut guest.limiter);
    store.epoch_deadline_callback(move |mut store| match store.data_mut().epochs_left.take() {
        Some(epochs) => {
            call_lasts();
            // It may have been away so long, in the host or for want of a processor, that the ticker sleeps.
            ticker.begins(epochs);
            Ok(UpdateDeadline::Continue(epochs))
        }
        None => Ok(UpdateDeadline::Interrupt),
    });
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(MAX_HANDLES);
    store
}

fn of_guest(failure: FailureOut) -> CallFailure {
    match failure {
        FailureOut::Invalid(RejectionOut { code, reason }) => CallFailure::Invalid(Rejection {
            code: plain(&code, MAX_CODE),
            reason: plain(&reason, MAX_TEXT),
        }),
        FailureOut::Transient(reason) => CallFailure::Transient(plain(&reason, MAX_TEXT)),
    }
}

fn over_cap(message: String) -> CallFailure {
    CallFailure::Trap(Trap {
        code: TrapCode::OverCap,
        message,
        backtrace: Vec::new(),
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the host panicked: {}", text.unwrap_or("without a message"))
}

fn ours(cause: &wasmtime::Error) -> PluginError {
    PluginError::Engine(cause.to_string())
}

/// The export has the right name and another type.
fn other_type(export: &str, cause: &wasmtime::Error) -> PluginError {
    PluginError::Invalid(format!(
        "the plugin's {export} is not that of tailrace:plugin 0.2 or 0.1 ({cause:#}); build it against that wit"
    ))
}

/// The guest failed before it was ready; a full pool is ours.
fn refused(when: &str, cause: &wasmtime::Error, guest: &Guest) -> PluginError {
    if cause
        .downcast_ref::<wasmtime::PoolConcurrencyLimitError>()
        .is_some()
    {
        return PluginError::Engine("the pool of instances is used up".to_owned());
    }
    if let Some(refusal) = guest.limiter.refusal() {
        return refusal;
    }
    match trap::judge(cause, guest.last_words.as_deref()) {
        CallFailure::Trap(trap) => {
            // The step's limits are for events; what a guest does before them has bounds of its own.
            let reason = match trap.code {
                TrapCode::OutOfFuel => format!("it took more than {CONFIGURE_FUEL} fuel"),
                TrapCode::Deadline => format!("it took longer than {CONFIGURE_DEADLINE:?}"),
                _ => trap.message,
            };
            PluginError::Config(format!("{when} failed ({}): {reason}", trap.code.as_str()))
        }
        _ => ours(cause),
    }
}
