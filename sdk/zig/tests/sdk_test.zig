//! The SDK natively: timers, sketches and tables, over the engine of a test in C.

const std = @import("std");
const tailrace = @import("tailrace");

fn process(event: *const tailrace.Event) !tailrace.Result {
    const seen = tailrace.sketches.total("titles");
    tailrace.sketches.count("titles", "tea", 2);
    tailrace.timers.set("end", event.time + 100, "payload");
    try std.testing.expectEqual(event.time + 100, tailrace.timers.get("end"));
    const tier = tailrace.table("customers").get(event.key.slice()) orelse "none";
    return tailrace.emit(try std.fmt.allocPrint(tailrace.allocator, "{d} {s}", .{ seen, tier }));
}

fn wake(timer: *const tailrace.Timer) !tailrace.Result {
    const out = .{ timer.key.slice(), timer.payload.slice(), timer.at, tailrace.timers.watermark() };
    return tailrace.emit(try std.fmt.allocPrint(tailrace.allocator, "{s} {s} {d} {d}", out));
}

comptime {
    tailrace.plugin(process);
    tailrace.onTimer(wake);
}

test "a timer wakes the plugin up" {
    tailrace.testing.row("customers", "ada", "gold");
    const event: tailrace.Event = .{ .subject = .of("a"), .key = .of("ada") };
    try std.testing.expectEqualStrings("0 gold", tailrace.testing.send(event).sent()[0].payload.slice());
    try std.testing.expectEqualStrings("2 gold", tailrace.testing.send(event).sent()[0].payload.slice());
    const fired = tailrace.testing.advanceTo(100);
    try std.testing.expectEqual(1, fired.len);
    try std.testing.expectEqualStrings("ada payload 100 100", fired[0].result.sent()[0].payload.slice());
}
