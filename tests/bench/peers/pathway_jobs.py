"""The jobs of the benchmark by Pathway, a Rust engine under Python, with its own JetStream connector: at least once.

`check` passes on the events of a valid amount, `window` counts and sums by user and second, `join` pairs an event of
`bench.two.a` with the one of `bench.two.b` that the same user has sent within half a second of it. Windows and joins let go
of what is past, and tell each result once, as the engine's do.
"""

import argparse

import pathway as pw

SECOND = 1_000
HALF_A_SECOND = 500
# How far events may be behind the newest, in milliseconds: as the engine's own default.
LATENESS = 1_000
# Milliseconds between commits: results leave in such steps.
COMMIT_EVERY = 100
# Events that are read and not yet worked on.
AHEAD = 50_000


class Event(pw.Schema):
    user: str
    item: str
    amount: float
    ts: int


def read(args, subject, name):
    return pw.io.nats.read(
        args.nats,
        subject,
        schema=Event,
        format="json",
        autocommit_duration_ms=COMMIT_EVERY,
        jetstream_stream_name=args.stream,
        max_backlog_size=AHEAD,
        name=name,
    )


def check(args):
    events = read(args, "bench.in.>", "events")
    valid = events.filter((pw.this.amount >= 0) & (pw.this.amount <= 1000))
    return valid.select(pw.this.user, pw.this.item, pw.this.amount, pw.this.ts, topic=args.prefix + "." + pw.this.user)


def window(args):
    events = read(args, "bench.in.>", "events")
    windowed = events.windowby(
        events.ts,
        window=pw.temporal.tumbling(duration=SECOND),
        instance=events.user,
        behavior=pw.temporal.exactly_once_behavior(shift=LATENESS),
    )
    return windowed.reduce(
        user=pw.this._pw_instance,
        start=pw.this._pw_window_start,
        n=pw.reducers.count(),
        sum=pw.reducers.sum(pw.this.amount),
        topic=args.prefix + "." + pw.this._pw_instance,
    )


def join(args):
    left, right = (read(args, f"bench.two.{side}", side) for side in ("a", "b"))
    pairs = pw.temporal.interval_join(
        left,
        right,
        left.ts,
        right.ts,
        pw.temporal.interval(-HALF_A_SECOND, HALF_A_SECOND),
        left.user == right.user,
        behavior=pw.temporal.common_behavior(cutoff=LATENESS + SECOND, keep_results=True),
    )
    return pairs.select(
        user=left.user,
        left=left.amount,
        right=right.amount,
        at=left.ts,
        topic=args.prefix + "." + left.user,
    )


JOBS = {"check": check, "window": window, "join": join}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nats", required=True, help="the broker, such as nats://127.0.0.1:4222")
    parser.add_argument("--stream", required=True, help="the input stream")
    parser.add_argument("--prefix", required=True, help="outputs go to PREFIX.USER")
    parser.add_argument("--output", required=True, help="the stream that holds the outputs")
    parser.add_argument("--job", required=True, choices=JOBS)
    return parser.parse_args()


def main():
    args = arguments()
    results = JOBS[args.job](args)
    pw.io.nats.write(results, args.nats, results.topic, format="json", jetstream_stream_name=args.output)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
