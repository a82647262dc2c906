"""The same job by what a NATS user would write today in Python: consume a stream, check each event, publish it.

A durable-less pull consumer, batches fetched ahead while the one before is worked on, publishes that wait for their
acknowledgements together (`publish_async`), the input acknowledged after its output is stored: at least once.
`--fast` uses what a careful user adds: uvloop as the event loop and orjson as the parser.
"""

import argparse
import asyncio
import json

import nats
from nats.errors import TimeoutError as NothingCame
from nats.js.api import AckPolicy, ConsumerConfig

BATCH = 500
# Batches fetched and not yet worked on.
AHEAD = 2
# Acknowledgements that may be outstanding; publishing waits beyond.
IN_FLIGHT = 4_000
LAST_TIME_MS = 253_402_300_799_999


def is_text(value):
    return isinstance(value, str) and 1 <= len(value) <= 64


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def validate(payload, loads):
    """The key of a valid event, or None."""
    try:
        event = loads(payload)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    amount, moment = event.get("amount"), event.get("ts")
    valid = (
        is_text(event.get("user"))
        and is_text(event.get("item"))
        and is_number(amount)
        and 0 <= amount <= 1000
        and isinstance(moment, int)
        and 0 <= moment <= LAST_TIME_MS
    )
    return event["user"] if valid else None


async def fetch(consumer, batches):
    while True:
        try:
            batch = await consumer.fetch(BATCH, timeout=5)
        except NothingCame:
            continue
        await batches.put(batch)


async def work(jetstream, batches, prefix, loads):
    while True:
        batch = await batches.get()
        stored = []
        for message in batch:
            key = validate(message.data, loads)
            if key is not None:
                stored.append(await jetstream.publish_async(f"{prefix}.{key}", message.data, wait_stall=60))
        await asyncio.gather(*stored)
        for message in batch:
            await message.ack()


async def main(args):
    loads = json.loads
    if args.fast:
        import orjson

        loads = orjson.loads
    connection = await nats.connect(args.nats, pending_size=8 * 1024 * 1024)
    jetstream = connection.jetstream(publish_async_max_pending=IN_FLIGHT)
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=100_000)
    consumer = await jetstream.pull_subscribe("", stream=args.stream, config=config)
    batches = asyncio.Queue(AHEAD)
    await asyncio.gather(fetch(consumer, batches), work(jetstream, batches, args.prefix, loads))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nats", required=True, help="the broker, such as nats://127.0.0.1:4222")
    parser.add_argument("--stream", required=True, help="the input stream")
    parser.add_argument("--prefix", required=True, help="outputs go to PREFIX.KEY")
    parser.add_argument("--fast", action="store_true", help="with uvloop and orjson")
    return parser.parse_args()


if __name__ == "__main__":
    parsed = arguments()
    if parsed.fast:
        import uvloop

        uvloop.install()
    asyncio.run(main(parsed))
