//! Does what the last word of the subject says: each host function, each verdict, each failure, each limit.

const std = @import("std");
const tailrace = @import("tailrace");

const Event = tailrace.Event;
const Timer = tailrace.Timer;
const Result = tailrace.Result;
const state = tailrace.state;
const print = std.fmt.allocPrint;
const allocator = tailrace.allocator;
const items = tailrace.vectors("items");

const Does = fn (*const Event) anyerror!Result;

fn process(event: *const Event) !Result {
    const name = event.subject.slice()["c.".len..];
    inline for (@typeInfo(does).@"struct".decl_names) |declared| {
        if (std.mem.eql(u8, name, declared)) {
            return @field(does, declared)(event);
        }
    }
    return tailrace.reject("unknown", name);
}

fn wake(timer: *const Timer) !Result {
    const name = timer.name.slice();
    const payload = timer.payload.slice();
    if (std.mem.eql(u8, name, "keep")) {
        state.set("woken", payload);
        tailrace.timers.set("say-again", timer.at + 10_000, payload);
        return tailrace.drop();
    }
    if (std.mem.eql(u8, name, "many")) {
        return many(payload);
    }
    const event: Event = .{ .subject = .of(""), .payload = timer.payload };
    inline for (.{ "reject", "retry", "panic" }) |failing| {
        if (std.mem.eql(u8, name, failing)) {
            return @field(does, failing)(&event);
        }
    }
    // Zig has no clock here.
    const shown = .{ name, timer.key.slice(), timer.at, timer.set_by, payload, tailrace.timers.watermark(), timer.at };
    const said = try print(allocator, "{s} {s} {d} {d} {s} {d} {d}", shown);
    return tailrace.emitAll(try allocator.dupe(tailrace.Message, &.{
        .{ .subject = .of("results.a"), .payload = .of(said) },
    }));
}

fn many(text: []const u8) !Result {
    const made = try allocator.alloc(tailrace.Message, try std.fmt.parseInt(usize, text, 10));
    @memset(made, .{ .payload = .of("m") });
    return tailrace.emitAll(made);
}

fn numbers(text: []const u8) ![2]f32 {
    var found: [2]f32 = undefined;
    var words = std.mem.splitScalar(u8, text, ' ');
    for (&found) |*number| {
        number.* = try std.fmt.parseFloat(f32, words.next() orelse return error.TooFewNumbers);
    }
    return found;
}

fn count(event: *const Event) !usize {
    return std.fmt.parseInt(usize, event.payload.slice(), 10);
}

fn given(event: *const Event, name: []const u8) []const u8 {
    return event.header(name) orelse "";
}

const does = struct {
    pub fn forward(_: *const Event) !Result {
        return tailrace.forward();
    }

    pub fn drop(_: *const Event) !Result {
        return tailrace.drop();
    }

    pub fn emit(event: *const Event) !Result {
        const headers = try allocator.dupe(tailrace.Header, &.{.{ .name = .of("h"), .value = .of("v") }});
        const second = try print(allocator, "{d} {d} {s} {s}", .{
            event.sequence,
            event.time,
            event.key.slice(),
            given(event, "x"),
        });
        return tailrace.emitAll(try allocator.dupe(tailrace.Message, &.{
            .{
                .subject = .of("results.a"),
                .key = .of("k"),
                .headers = headers.ptr,
                .header_count = headers.len,
                .payload = event.payload,
            },
            .{ .payload = .of(second) },
        }));
    }

    pub fn set(event: *const Event) !Result {
        if (event.header("ttl")) |ttl| {
            const milliseconds = try std.fmt.parseInt(u64, ttl, 10);
            state.setExpiring(given(event, "key"), event.payload.slice(), milliseconds);
        } else {
            state.set(given(event, "key"), event.payload.slice());
        }
        return tailrace.drop();
    }

    pub fn get(event: *const Event) !Result {
        return tailrace.emit(state.get(given(event, "key")) orelse "none");
    }

    pub fn scan(event: *const Event) !Result {
        var out: []const u8 = "";
        for (state.scan(given(event, "prefix"), event.header("after"), 10), 0..) |entry, at| {
            const between: []const u8 = if (at > 0) " " else "";
            out = try print(allocator, "{s}{s}{s}={s}", .{ out, between, entry.key.slice(), entry.value.slice() });
        }
        return tailrace.emit(out);
    }

    pub fn delete(event: *const Event) !Result {
        state.delete(given(event, "key"));
        return tailrace.drop();
    }

    pub fn @"vector-set"(event: *const Event) !Result {
        items.set(given(event, "id"), &try numbers(event.payload.slice()));
        return tailrace.drop();
    }

    pub fn @"vector-get"(event: *const Event) !Result {
        const found = items.get(given(event, "id")) orelse return tailrace.emit("none");
        return tailrace.emit(try print(allocator, "{d:.2} {d:.2}", .{ found[0], found[1] }));
    }

    pub fn nearest(event: *const Event) !Result {
        const found = items.nearest(&try numbers(event.payload.slice()), 2);
        return tailrace.emit(try print(allocator, "{s}={d:.2} {s}={d:.2}", .{
            found[0].id.slice(),
            found[0].score,
            found[1].id.slice(),
            found[1].score,
        }));
    }

    pub fn @"vector-delete"(event: *const Event) !Result {
        items.delete(given(event, "id"));
        return tailrace.drop();
    }

    pub fn sketches(_: *const Event) !Result {
        tailrace.sketches.observe("amounts", 7);
        tailrace.sketches.distinct("users", "ada");
        tailrace.sketches.count("titles", "tea", 2);
        return tailrace.drop();
    }

    pub fn learnt(_: *const Event) !Result {
        const top = tailrace.sketches.top("titles", 5)[0];
        return tailrace.emit(try print(allocator, "{d:.0} {d} {d} {s}={d} {d}", .{
            tailrace.sketches.quantile("amounts", 0.5).?,
            tailrace.sketches.estimate("users"),
            tailrace.sketches.estimateOf("titles", "tea"),
            top.item.slice(),
            top.times,
            tailrace.sketches.total("titles"),
        }));
    }

    pub fn row(event: *const Event) !Result {
        return tailrace.emit(tailrace.table("tiers").get(given(event, "key")) orelse "none");
    }

    pub fn watermark(_: *const Event) !Result {
        return tailrace.emit(try print(allocator, "{d}", .{tailrace.timers.watermark()}));
    }

    pub fn timers(event: *const Event) !Result {
        if (event.header("set")) |name| {
            tailrace.timers.set(name, try std.fmt.parseInt(u64, given(event, "at"), 10), event.payload.slice());
        } else if (event.header("cancel")) |name| {
            tailrace.timers.cancel(name);
        } else {
            const at = tailrace.timers.get(given(event, "get")) orelse return tailrace.emit("none");
            return tailrace.emit(try print(allocator, "{d}", .{at}));
        }
        return tailrace.drop();
    }

    pub fn log(event: *const Event) !Result {
        for ([_]tailrace.Level{ .debug, .info, .warn, .err }) |level| {
            tailrace.log(level, event.payload.slice());
        }
        return tailrace.drop();
    }

    /// Zig has no clock here.
    pub fn time(event: *const Event) !Result {
        return tailrace.emit(try print(allocator, "{d}", .{event.time}));
    }

    pub fn random(event: *const Event) !Result {
        var generator = std.Random.DefaultPrng.init(event.sequence);
        return tailrace.emit(try print(allocator, "{d}", .{generator.random().int(u64)}));
    }

    pub fn json(event: *const Event) !Result {
        const Read = struct { user: []const u8 };
        const read = std.json.parseFromSliceLeaky(Read, allocator, event.payload.slice(), .{}) catch |failed| {
            return tailrace.reject("malformed-json", @errorName(failed));
        };
        return tailrace.emit(read.user);
    }

    pub fn reject(_: *const Event) !Result {
        state.set("lost", "1");
        return tailrace.reject("not-today", "it is sunday");
    }

    pub fn retry(_: *const Event) !Result {
        state.set("lost", "1");
        return tailrace.retry("later");
    }

    pub fn panic(event: *const Event) !Result {
        state.set("lost", "1");
        tailrace.panic(event.payload.slice(), @src());
    }

    pub fn undeclared(_: *const Event) !Result {
        _ = tailrace.vectors("undeclared").get("a");
        return tailrace.drop();
    }

    pub fn messages(event: *const Event) !Result {
        return many(event.payload.slice());
    }

    pub fn writes(event: *const Event) !Result {
        for (0..try count(event)) |number| {
            state.set(try print(allocator, "w/{d}", .{number}), "1");
        }
        return tailrace.drop();
    }

    pub fn bytes(event: *const Event) !Result {
        return tailrace.emit(try allocator.alloc(u8, try count(event)));
    }

    pub fn @"log-lines"(event: *const Event) !Result {
        for (0..try count(event)) |_| {
            tailrace.log(.info, "line");
        }
        return tailrace.drop();
    }

    pub fn spin(_: *const Event) !Result {
        var turns: u32 = 0;
        while (true) {
            turns +%= 1;
            std.mem.doNotOptimizeAway(turns);
        }
    }

    pub fn eat(_: *const Event) !Result {
        while (true) {
            const eaten = try allocator.alloc(u8, 1 << 20);
            std.mem.doNotOptimizeAway(eaten.ptr);
        }
    }
};

comptime {
    tailrace.plugin(process);
    tailrace.onTimer(wake);
}
