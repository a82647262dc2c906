//! Write a Tailrace plugin in Zig: one function, testable without WebAssembly.
//!
//!     const tailrace = @import("tailrace");
//!
//!     fn process(event: *const tailrace.Event) !tailrace.Result {
//!         tailrace.state.set(event.key.slice(), "seen");
//!         return tailrace.emit(event.payload.slice());
//!     }
//!
//!     comptime {
//!         tailrace.plugin(process);
//!     }
//!
//! A plugin is a function of the event, its state and its config: it has no clock, no randomness, no files and no
//! network. What `allocator` gives, and all that the engine hands over, lasts until the event ends. It is the SDK of C
//! underneath: `tailrace.h` beside this file describes each function.

const std = @import("std");

/// Text in UTF-8, or bytes. `null` stands for what may be left out.
pub const Text = extern struct {
    data: ?[*]const u8 = null,
    size: usize = 0,

    pub fn of(text: []const u8) Text {
        return .{ .data = text.ptr, .size = text.len };
    }

    pub fn optional(text: ?[]const u8) Text {
        return if (text) |given| of(given) else .{};
    }

    pub fn slice(self: Text) []const u8 {
        return if (self.data) |data| data[0..self.size] else "";
    }
};

/// A name and a value beside a payload.
pub const Header = extern struct { name: Text, value: Text };

/// One event, as a step of a pipeline receives it.
pub const Event = extern struct {
    /// Position in the input stream, counted from 1.
    sequence: u64 = 0,
    /// Event time in milliseconds since the Unix epoch.
    time: u64 = 0,
    subject: Text,
    /// Key that the pipeline extracts. Events of one key are processed in order.
    key: Text = .{},
    headers: ?[*]const Header = null,
    header_count: usize = 0,
    payload: Text = .{},

    /// The first header of a name.
    pub fn header(self: *const Event, name: []const u8) ?[]const u8 {
        var value: Text = .{};
        return if (c.tr_header_get(self, Text.of(name), &value)) value.slice() else null;
    }
};

/// A timer that is due.
pub const Timer = extern struct {
    /// The name that the plugin gave it.
    name: Text,
    /// Key of the event that set it.
    key: Text = .{},
    /// When it was due, in milliseconds since the Unix epoch.
    at: u64,
    /// The payload that the plugin gave it.
    payload: Text = .{},
    /// Sequence of the event that set it.
    set_by: u64 = 0,
};

/// A message that a step emits.
pub const Message = extern struct {
    /// Without it the pipeline's output subject.
    subject: Text = .{},
    /// Without it the key of the event that caused the message.
    key: Text = .{},
    headers: ?[*]const Header = null,
    header_count: usize = 0,
    payload: Text,
};

const Kind = enum(c_int) { forward, drop, emit, reject, retry };

/// What becomes of an event. The functions below make one.
pub const Result = extern struct {
    kind: Kind,
    messages: ?[*]const Message = null,
    message_count: usize = 0,
    code: Text = .{},
    reason: Text = .{},

    /// The emitted messages, for tests.
    pub fn sent(self: Result) []const Message {
        return if (self.messages) |messages| messages[0..self.message_count] else &.{};
    }
};

/// The event goes on unchanged.
pub fn forward() Result {
    return .{ .kind = .forward };
}

/// The event ends here on purpose.
pub fn drop() Result {
    return .{ .kind = .drop };
}

/// A message goes on, to the pipeline's output subject and with the event's key.
pub fn emit(payload: []const u8) Result {
    return c.tr_emit(Text.of(payload));
}

/// These messages go on, in this order. They last until the event ends: take them from `allocator`.
pub fn emitAll(messages: []const Message) Result {
    return .{ .kind = .emit, .messages = messages.ptr, .message_count = messages.len };
}

/// The event itself is at fault: it becomes a dead letter. The code is short and stable, the reason is for people.
pub fn reject(code: []const u8, reason: []const u8) Result {
    return .{ .kind = .reject, .code = Text.of(code), .reason = Text.of(reason) };
}

/// The event is retried under the step's `on-error` policy.
pub fn retry(reason: []const u8) Result {
    return .{ .kind = .retry, .reason = Text.of(reason) };
}

/// Exports a plugin. An error of the function ends the instance, and the reason bears its name.
pub fn plugin(comptime process: fn (*const Event) anyerror!Result) void {
    const exported = struct {
        fn call(event: *const Event) callconv(.c) Result {
            return process(event) catch |failed| panic(@errorName(failed), @src());
        }
    };
    @export(&exported.call, .{ .name = "tr_process" });
}

/// Exports what wakes up by the timers that `timers.set` has set, beside `plugin`. It emits, drops, rejects or retries;
/// there is no event to forward. Without it, each timer is rejected with the code `no-on-timer`.
pub fn onTimer(comptime wake: fn (*const Timer) anyerror!Result) void {
    const exported = struct {
        fn call(timer: *const Timer) callconv(.c) Result {
            return wake(timer) catch |failed| panic(@errorName(failed), @src());
        }
    };
    @export(&exported.call, .{ .name = "tr_on_timer" });
}

/// Ends the instance. The reason of the failure bears the message and the place.
pub fn panic(message: []const u8, place: std.builtin.SourceLocation) noreturn {
    c.tr_panic_at(Text.of(message), place.file.ptr, @intCast(place.line));
}

/// Keyed state of the step. It needs the grant `state`.
pub const state = struct {
    pub const Entry = extern struct { key: Text, value: Text };

    pub fn get(key: []const u8) ?[]const u8 {
        var value: Text = .{};
        return if (c.tr_state_get(Text.of(key), &value)) value.slice() else null;
    }

    pub fn set(key: []const u8, value: []const u8) void {
        c.tr_state_set(Text.of(key), Text.of(value));
    }

    /// The same, for so many milliseconds of event time.
    pub fn setExpiring(key: []const u8, value: []const u8, ttl: u64) void {
        c.tr_state_set_expiring(Text.of(key), Text.of(value), ttl);
    }

    pub fn delete(key: []const u8) void {
        c.tr_state_delete(Text.of(key));
    }

    /// Entries whose key begins with a prefix, in the order of keys, after the key `after`.
    pub fn scan(prefix: []const u8, after: ?[]const u8, limit: u32) []const Entry {
        var entries: ?[*]const Entry = null;
        const count = c.tr_state_scan(Text.of(prefix), Text.optional(after), limit, &entries);
        return if (entries) |found| found[0..count] else &.{};
    }
};

/// A collection of embeddings that the pipeline declares. It needs the grant `vectors`.
pub const Vectors = struct {
    collection: []const u8,

    pub const Neighbour = extern struct { id: Text, score: f32 };

    pub fn get(self: Vectors, id: []const u8) ?[]const f32 {
        var length: usize = 0;
        const found = c.tr_vector_get(Text.of(self.collection), Text.of(id), &length);
        return if (found) |vector| vector[0..length] else null;
    }

    pub fn set(self: Vectors, id: []const u8, vector: []const f32) void {
        c.tr_vector_set(Text.of(self.collection), Text.of(id), vector.ptr, vector.len);
    }

    pub fn delete(self: Vectors, id: []const u8) void {
        c.tr_vector_delete(Text.of(self.collection), Text.of(id));
    }

    /// The nearest vectors, nearest first.
    pub fn nearest(self: Vectors, query: []const f32, most: u32) []const Neighbour {
        var near: ?[*]const Neighbour = null;
        const count = c.tr_vector_nearest(Text.of(self.collection), query.ptr, query.len, most, &near);
        return if (near) |found| found[0..count] else &.{};
    }
};

pub fn vectors(collection: []const u8) Vectors {
    return .{ .collection = collection };
}

/// The sketches that the pipeline declares. They need the grant `sketches`. Reads answer as of the last commit before
/// this event's batch. A sketch with windows or groups cannot be read.
pub const sketches = struct {
    /// An item of a sketch of the most frequent items. It occurred at most so many times.
    pub const Frequency = extern struct { item: Text, times: u64 };

    pub fn observe(name: []const u8, value: f64) void {
        c.tr_sketch_observe(Text.of(name), value);
    }

    pub fn distinct(name: []const u8, item: []const u8) void {
        c.tr_sketch_distinct(Text.of(name), Text.of(item));
    }

    pub fn count(name: []const u8, item: []const u8, times: u64) void {
        c.tr_sketch_count(Text.of(name), Text.of(item), times);
    }

    /// The quantile `q`, from 0 to 1, of a sketch of quantiles. An empty sketch has none.
    pub fn quantile(name: []const u8, q: f64) ?f64 {
        var value: f64 = 0;
        return if (c.tr_sketch_quantile(Text.of(name), q, &value)) value else null;
    }

    /// How many different items a sketch of distinct items has seen.
    pub fn estimate(name: []const u8) u64 {
        return c.tr_sketch_estimate(Text.of(name));
    }

    /// How often a sketch of the most frequent items has counted an item.
    pub fn estimateOf(name: []const u8, item: []const u8) u64 {
        return c.tr_sketch_estimate_of(Text.of(name), Text.of(item));
    }

    /// The most frequent items, the most frequent first.
    pub fn top(name: []const u8, limit: u32) []const Frequency {
        var frequent: ?[*]const Frequency = null;
        const found = c.tr_sketch_top(Text.of(name), limit, &frequent);
        return if (frequent) |items| items[0..found] else &.{};
    }

    /// How many values, items or occurrences a sketch has taken in.
    pub fn total(name: []const u8) u64 {
        return c.tr_sketch_total(Text.of(name));
    }
};

/// Wake-ups in event time: durable, and part of what the event does. They need the grant `timers`. A timer belongs to
/// this step and to the event's key. Each key has one timer of a name.
pub const timers = struct {
    /// Has the function of `onTimer` called at a time, in milliseconds since the Unix epoch. Setting it again moves it.
    /// The payload comes back there, and has at most 64 KiB.
    pub fn set(name: []const u8, at: u64, payload: []const u8) void {
        c.tr_timer_set(Text.of(name), at, Text.of(payload));
    }

    pub fn cancel(name: []const u8) void {
        c.tr_timer_cancel(Text.of(name));
    }

    /// When a timer is due.
    pub fn get(name: []const u8) ?u64 {
        var at: u64 = 0;
        return if (c.tr_timer_get(Text.of(name), &at)) at else null;
    }

    /// The watermark in milliseconds since the Unix epoch. When a timer wakes the plugin up, it is the time of the timer.
    pub fn watermark() u64 {
        return c.tr_watermark();
    }
};

/// A table of the pipeline, read only. It needs the grant `tables`.
pub const Table = struct {
    name: []const u8,

    /// The row of a key: the newest value that it has.
    pub fn get(self: Table, key: []const u8) ?[]const u8 {
        var row: Text = .{};
        return if (c.tr_table_get(Text.of(self.name), Text.of(key), &row)) row.slice() else null;
    }
};

pub fn table(name: []const u8) Table {
    return .{ .name = name };
}

pub const Level = enum(c_int) { debug, info, warn, err };

/// Writes a line for the author. It needs the grant `log`.
pub fn log(level: Level, message: []const u8) void {
    c.tr_log(level, Text.of(message));
}

/// Memory until the event ends.
pub const allocator: std.mem.Allocator = .{ .ptr = undefined, .vtable = &.{
    .alloc = alloc,
    .resize = std.mem.Allocator.noResize,
    .remap = std.mem.Allocator.noRemap,
    .free = std.mem.Allocator.noFree,
} };

fn alloc(_: *anyopaque, size: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    std.debug.assert(alignment.toByteUnits() <= 16);
    return c.tr_alloc(size);
}

/// The engine of a native test: `tailrace_test.c`.
pub const testing = struct {
    /// Has an event processed. What it gives lasts until the next event.
    pub fn send(event: Event) Result {
        return c.tr_test_send(&event);
    }

    /// A timer that has fired, and what came of it.
    pub const Fired = extern struct { timer: Timer, result: Result };

    /// Moves the watermark to a time. Gives the timers that fire, each as if at its own time, until the next call.
    pub fn advanceTo(time: u64) []const Fired {
        _ = c.tr_test_advance_to(time);
        return fired();
    }

    /// What fired in the last call of `send` or `advanceTo`.
    pub fn fired() []const Fired {
        var firings: ?[*]const Fired = null;
        const count = c.tr_test_fired(&firings);
        return if (firings) |found| found[0..count] else &.{};
    }

    /// Sets the row that a table has for a key.
    pub fn row(name: []const u8, key: []const u8, value: []const u8) void {
        c.tr_test_row(Text.of(name), Text.of(key), Text.of(value));
    }

    /// Declares a collection of vectors.
    pub fn collection(name: []const u8, dimensions: usize) void {
        c.tr_test_collection(Text.of(name), dimensions);
    }

    /// Forgets everything.
    pub fn reset() void {
        c.tr_test_reset();
    }
};

const c = struct {
    extern fn tr_alloc(usize) [*]u8;
    extern fn tr_emit(Text) Result;
    extern fn tr_header_get(*const Event, Text, *Text) bool;
    extern fn tr_panic_at(Text, [*]const u8, c_int) noreturn;
    extern fn tr_state_get(Text, *Text) bool;
    extern fn tr_state_set(Text, Text) void;
    extern fn tr_state_set_expiring(Text, Text, u64) void;
    extern fn tr_state_delete(Text) void;
    extern fn tr_state_scan(Text, Text, u32, *?[*]const state.Entry) usize;
    extern fn tr_vector_get(Text, Text, *usize) ?[*]const f32;
    extern fn tr_vector_set(Text, Text, [*]const f32, usize) void;
    extern fn tr_vector_delete(Text, Text) void;
    extern fn tr_vector_nearest(Text, [*]const f32, usize, u32, *?[*]const Vectors.Neighbour) usize;
    extern fn tr_sketch_observe(Text, f64) void;
    extern fn tr_sketch_distinct(Text, Text) void;
    extern fn tr_sketch_count(Text, Text, u64) void;
    extern fn tr_sketch_quantile(Text, f64, *f64) bool;
    extern fn tr_sketch_estimate(Text) u64;
    extern fn tr_sketch_estimate_of(Text, Text) u64;
    extern fn tr_sketch_top(Text, u32, *?[*]const sketches.Frequency) usize;
    extern fn tr_sketch_total(Text) u64;
    extern fn tr_timer_set(Text, u64, Text) void;
    extern fn tr_timer_cancel(Text) void;
    extern fn tr_timer_get(Text, *u64) bool;
    extern fn tr_watermark() u64;
    extern fn tr_table_get(Text, Text, *Text) bool;
    extern fn tr_log(Level, Text) void;
    extern fn tr_test_send(*const Event) Result;
    extern fn tr_test_advance_to(u64) usize;
    extern fn tr_test_fired(*?[*]const testing.Fired) usize;
    extern fn tr_test_row(Text, Text, Text) void;
    extern fn tr_test_collection(Text, usize) void;
    extern fn tr_test_reset() void;
};
