/* The SDK natively: timers, sketches and tables of the engine of a test. */

#define _POSIX_C_SOURCE 200809L

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tailrace_test.h"

/* Does what the subject says. */
tr_result tr_process(const tr_event *event) {
    tr_text row;
    double value;
    uint64_t at;
    const tr_frequency *top;
    tr_buffer out = {0};
    switch (event->subject.data[0]) {
    case 's': /* set */
        tr_timer_set(event->payload, event->time + 100, TR_TEXT("payload"));
        assert(tr_timer_get(event->payload, &at) && at == event->time + 100);
        return tr_drop();
    case 'f': /* fail */
        tr_timer_set(TR_TEXT("lost"), 1, TR_TEXT(""));
        tr_sketch_count(TR_TEXT("titles"), TR_TEXT("lost"), 1);
        return tr_retry(TR_TEXT("later"));
    case 'c': /* cancel */
        tr_timer_cancel(event->payload);
        return tr_drop();
    case 'n': /* negative: what is left of an event before the epoch, in the place that the payload names */
        switch (event->payload.data[0]) {
        case 'a':
            tr_timer_set(TR_TEXT("lost"), event->time - 1, TR_TEXT(""));
            break;
        case 't':
            tr_state_set_expiring(TR_TEXT("lost"), TR_TEXT(""), event->time - 1);
            break;
        default:
            tr_sketch_count(TR_TEXT("titles"), TR_TEXT("lost"), event->time - 1);
        }
        return tr_drop();
    case 'r': /* row */
        return tr_table_get(TR_TEXT("customers"), event->key, &row) ? tr_emit(row) : tr_drop();
    default: /* learn */
        tr_put_number(&out, tr_sketch_quantile(TR_TEXT("amounts"), 0.5, &value) ? (uint64_t)value : 0);
        tr_put(&out, TR_TEXT(" "));
        tr_put_number(&out, tr_sketch_estimate(TR_TEXT("users")));
        tr_put(&out, TR_TEXT(" "));
        tr_put_number(&out, tr_sketch_estimate_of(TR_TEXT("titles"), TR_TEXT("tea")));
        for (size_t place = tr_sketch_top(TR_TEXT("titles"), 1, &top); place > 0; place--) {
            tr_put(&out, TR_TEXT(" "));
            tr_put(&out, top->item);
        }
        tr_put(&out, TR_TEXT(" "));
        tr_put_number(&out, tr_sketch_total(TR_TEXT("titles")));
        tr_sketch_observe(TR_TEXT("amounts"), 7);
        tr_sketch_distinct(TR_TEXT("users"), TR_TEXT("ada"));
        tr_sketch_count(TR_TEXT("titles"), TR_TEXT("tea"), 2);
        tr_sketch_count(TR_TEXT("titles"), TR_TEXT("ale"), 1);
        return tr_emit(tr_text_of(&out));
    }
}

tr_result tr_on_timer(const tr_timer *timer) {
    tr_state_set(timer->name, timer->payload);
    if (tr_equal(timer->name, TR_TEXT("again"))) {
        tr_timer_set(TR_TEXT("more"), timer->at + 1, timer->payload);
    }
    if (tr_equal(timer->name, TR_TEXT("bad"))) {
        return tr_reject(TR_TEXT("bad"), TR_TEXT("so it is"));
    }
    tr_buffer out = {0};
    tr_put(&out, timer->key);
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, timer->set_by);
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, tr_watermark());
    return tr_emit(tr_text_of(&out));
}

static tr_result send(const char *subject, const char *key, const char *payload, uint64_t time) {
    tr_event event = {.time = time, .subject = tr_of(subject), .key = tr_of(key), .payload = tr_of(payload)};
    return tr_test_send(&event);
}

static void is_fired(size_t place, const char *name, uint64_t at, const char *says) {
    const tr_test_firing *fired;
    assert(tr_test_fired(&fired) > place);
    assert(tr_equal(fired[place].timer.name, tr_of(name)) && fired[place].timer.at == at);
    assert(fired[place].result.kind == TR_EMIT);
    assert(tr_equal(fired[place].result.messages[0].payload, tr_of(says)));
}

static void timers_fire_in_order_before_the_event_that_moves_the_watermark(void) {
    uint64_t at;
    send("set", "bob", "a", 0);
    send("set", "ada", "again", 0);
    send("set", "ada", "gone", 0);
    send("cancel", "ada", "gone", 0);
    assert(tr_test_timer(TR_TEXT("bob"), TR_TEXT("a"), &at) && at == 100);
    assert(!tr_test_timer(TR_TEXT("ada"), TR_TEXT("gone"), &at));
    assert(tr_test_advance_to(99) == 0);
    send("row", "eve", "", 500);
    const tr_test_firing *fired;
    assert(tr_test_fired(&fired) == 3);
    is_fired(0, "again", 100, "ada 2 100");
    is_fired(1, "a", 100, "bob 1 100");
    is_fired(2, "more", 101, "ada 2 101");
    assert(tr_test_advance_to(1000) == 0);
}

static void what_fails_leaves_nothing_behind(void) {
    uint64_t at;
    tr_text value;
    assert(send("fail", "ada", "", 0).kind == TR_RETRY);
    assert(!tr_test_timer(TR_TEXT("ada"), TR_TEXT("lost"), &at));
    send("set", "ada", "bad", 0);
    assert(tr_test_advance_to(100) == 1);
    const tr_test_firing *fired;
    tr_test_fired(&fired);
    assert(fired->result.kind == TR_REJECT && !tr_test_state(TR_TEXT("bad"), &value));
    assert(tr_test_advance_to(1000) == 0);
}

static void sketches_tell_what_events_before_have_added(void) {
    assert(tr_equal(send("learn", "", "", 0).messages[0].payload, TR_TEXT("0 0 0 0")));
    send("learn", "", "", 0);
    assert(tr_equal(send("learn", "", "", 0).messages[0].payload, TR_TEXT("7 1 4 tea 6")));
    assert(tr_test_counted().sketch_updates == 12);
}

static void rows_are_looked_up(void) {
    tr_test_row(TR_TEXT("customers"), TR_TEXT("ada"), TR_TEXT("gold"));
    assert(tr_equal(send("row", "ada", "", 0).messages[0].payload, TR_TEXT("gold")));
    assert(send("row", "eve", "", 0).kind == TR_DROP);
}

/* Each in a process of its own, which ends; what it says goes into a pipe. */
static void a_negative_number_ends_the_instance_and_is_named(void) {
    static const char *const names[] = {"at", "ttl", "count"};
    for (size_t at = 0; at < 3; at++) {
        int said[2], status;
        assert(pipe(said) == 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(said[1], STDERR_FILENO);
            send("negative", "ada", names[at], 0);
            exit(0);
        }
        close(said[1]);
        char line[256] = {0};
        assert(read(said[0], line, sizeof line - 1) > 0);
        close(said[0]);
        assert(waitpid(child, &status, 0) == child);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert(strstr(line, " is -1, and goes from 0") != NULL);
    }
}

int main(void) {
    timers_fire_in_order_before_the_event_that_moves_the_watermark();
    tr_test_reset();
    what_fails_leaves_nothing_behind();
    tr_test_reset();
    sketches_tell_what_events_before_have_added();
    tr_test_reset();
    rows_are_looked_up();
    tr_test_reset();
    a_negative_number_ends_the_instance_and_is_named();
    return 0;
}
