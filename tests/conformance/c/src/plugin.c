/* Does what the last word of the subject says: each host function, each verdict, each failure, each limit. */

#include "tailrace.h"

static const tr_text ITEMS = {"items", 5};

static tr_text header(const tr_event *event, const char *name) {
    tr_text value = TR_NONE;
    tr_header_get(event, tr_of(name), &value);
    return value;
}

static uint64_t number(tr_text text) {
    uint64_t read = 0;
    if (!tr_number(text, &read)) {
        tr_panic(TR_TEXT("the payload is no number"));
    }
    return read;
}

/* "1 0.5": numbers with at most one digit behind the point. */
static size_t vector(tr_text text, float *numbers) {
    size_t count = 0, at = 0;
    while (at < text.size && count < 2) {
        float value = 0;
        for (; at < text.size && text.data[at] >= '0'; at++) {
            value = value * 10 + (float)(text.data[at] - '0');
        }
        if (at < text.size && text.data[at] == '.') {
            value += (float)(text.data[at + 1] - '0') / 10;
            at += 2;
        }
        numbers[count++] = value;
        at++;
    }
    return count;
}

/* Two digits behind the point. */
static void put_decimal(tr_buffer *out, float value) {
    uint64_t hundredths = (uint64_t)(value * 100 + 0.5f);
    tr_put_number(out, hundredths / 100);
    tr_put(out, TR_TEXT("."));
    tr_put_number(out, hundredths / 10 % 10);
    tr_put_number(out, hundredths % 10);
}

static tr_result emit_two(const tr_event *event) {
    tr_message *messages = tr_alloc(2 * sizeof *messages);
    tr_header *headers = tr_alloc(sizeof *headers);
    *headers = (tr_header){TR_TEXT("h"), TR_TEXT("v")};
    messages[0] = (tr_message){TR_TEXT("results.a"), TR_TEXT("k"), headers, 1, event->payload};
    tr_buffer out = {0};
    tr_put_number(&out, event->sequence);
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, event->time);
    tr_put(&out, TR_TEXT(" "));
    tr_put(&out, event->key);
    tr_put(&out, TR_TEXT(" "));
    tr_put(&out, header(event, "x"));
    messages[1] = (tr_message){.payload = tr_text_of(&out)};
    return tr_emit_all(messages, 2);
}

static tr_result scan(const tr_event *event) {
    const tr_entry *entries;
    size_t count = tr_state_scan(header(event, "prefix"), header(event, "after"), 10, &entries);
    tr_buffer out = {0};
    for (size_t at = 0; at < count; at++) {
        tr_put(&out, at > 0 ? TR_TEXT(" ") : TR_TEXT(""));
        tr_put(&out, entries[at].key);
        tr_put(&out, TR_TEXT("="));
        tr_put(&out, entries[at].value);
    }
    return tr_emit(tr_text_of(&out));
}

static tr_result vector_get(const tr_event *event) {
    size_t length;
    const float *found = tr_vector_get(ITEMS, header(event, "id"), &length);
    if (found == NULL) {
        return tr_emit(TR_TEXT("none"));
    }
    tr_buffer out = {0};
    for (size_t at = 0; at < length; at++) {
        tr_put(&out, at > 0 ? TR_TEXT(" ") : TR_TEXT(""));
        put_decimal(&out, found[at]);
    }
    return tr_emit(tr_text_of(&out));
}

static tr_result nearest(const tr_event *event) {
    float query[2];
    const tr_neighbour *found;
    size_t count = tr_vector_nearest(ITEMS, query, vector(event->payload, query), 2, &found);
    tr_buffer out = {0};
    for (size_t at = 0; at < count; at++) {
        tr_put(&out, at > 0 ? TR_TEXT(" ") : TR_TEXT(""));
        tr_put(&out, found[at].id);
        tr_put(&out, TR_TEXT("="));
        put_decimal(&out, found[at].score);
    }
    return tr_emit(tr_text_of(&out));
}

static tr_result emit_many(uint64_t wanted) {
    size_t count = (size_t)wanted;
    tr_message *messages = tr_alloc(count * sizeof *messages);
    for (size_t at = 0; at < count; at++) {
        messages[at] = (tr_message){.payload = TR_TEXT("m")};
    }
    return tr_emit_all(messages, count);
}

static void write_many(uint64_t count) {
    for (uint64_t at = 0; at < count; at++) {
        tr_buffer key = {0};
        tr_put(&key, TR_TEXT("w/"));
        tr_put_number(&key, at);
        tr_state_set(tr_text_of(&key), TR_TEXT("1"));
    }
}

static tr_result learnt(void) {
    double median;
    const tr_frequency *top;
    tr_buffer out = {0};
    tr_put_number(&out, tr_sketch_quantile(TR_TEXT("amounts"), 0.5, &median) ? (uint64_t)(median + 0.5) : 0);
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, tr_sketch_estimate(TR_TEXT("users")));
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, tr_sketch_estimate_of(TR_TEXT("titles"), TR_TEXT("tea")));
    for (size_t at = 0, count = tr_sketch_top(TR_TEXT("titles"), 5, &top); at < count; at++) {
        tr_put(&out, TR_TEXT(" "));
        tr_put(&out, top[at].item);
        tr_put(&out, TR_TEXT("="));
        tr_put_number(&out, top[at].times);
    }
    tr_put(&out, TR_TEXT(" "));
    tr_put_number(&out, tr_sketch_total(TR_TEXT("titles")));
    return tr_emit(tr_text_of(&out));
}

static tr_result emit_number(uint64_t number) {
    tr_buffer out = {0};
    tr_put_number(&out, number);
    return tr_emit(tr_text_of(&out));
}

static tr_result timers(const tr_event *event) {
    tr_text name;
    uint64_t at;
    if (tr_header_get(event, TR_TEXT("set"), &name)) {
        tr_timer_set(name, number(header(event, "at")), event->payload);
    } else if (tr_header_get(event, TR_TEXT("cancel"), &name)) {
        tr_timer_cancel(name);
    } else {
        return tr_timer_get(header(event, "get"), &at) ? emit_number(at) : tr_emit(TR_TEXT("none"));
    }
    return tr_drop();
}

static tr_result fail(tr_text how, tr_text payload) {
    tr_state_set(TR_TEXT("lost"), TR_TEXT("1"));
    if (tr_equal(how, TR_TEXT("reject"))) {
        return tr_reject(TR_TEXT("not-today"), TR_TEXT("it is sunday"));
    }
    if (tr_equal(how, TR_TEXT("retry"))) {
        return tr_retry(TR_TEXT("later"));
    }
    tr_panic(payload);
}

static void spin(void) {
    for (volatile unsigned turns = 0;; turns++) {
    }
}

static void eat(void) {
    for (;;) {
        *(volatile char *)tr_alloc(1 << 20) = 1;
    }
}

tr_result tr_process(const tr_event *event) {
    tr_text subject = event->subject;
#define IS(name) tr_equal(subject, TR_TEXT("c." name))
    if (IS("forward")) {
        return tr_forward();
    }
    if (IS("emit")) {
        return emit_two(event);
    }
    if (IS("set")) {
        uint64_t ttl;
        if (tr_number(header(event, "ttl"), &ttl)) {
            tr_state_set_expiring(header(event, "key"), event->payload, ttl);
        } else {
            tr_state_set(header(event, "key"), event->payload);
        }
    } else if (IS("get")) {
        tr_text value;
        return tr_emit(tr_state_get(header(event, "key"), &value) ? value : TR_TEXT("none"));
    } else if (IS("scan")) {
        return scan(event);
    } else if (IS("delete")) {
        tr_state_delete(header(event, "key"));
    } else if (IS("vector-set")) {
        float numbers[2];
        tr_vector_set(ITEMS, header(event, "id"), numbers, vector(event->payload, numbers));
    } else if (IS("vector-get")) {
        return vector_get(event);
    } else if (IS("nearest")) {
        return nearest(event);
    } else if (IS("vector-delete")) {
        tr_vector_delete(ITEMS, header(event, "id"));
    } else if (IS("sketches")) {
        tr_sketch_observe(TR_TEXT("amounts"), 7);
        tr_sketch_distinct(TR_TEXT("users"), TR_TEXT("ada"));
        tr_sketch_count(TR_TEXT("titles"), TR_TEXT("tea"), 2);
    } else if (IS("learnt")) {
        return learnt();
    } else if (IS("row")) {
        tr_text row;
        return tr_emit(tr_table_get(TR_TEXT("tiers"), header(event, "key"), &row) ? row : TR_TEXT("none"));
    } else if (IS("watermark")) {
        return emit_number(tr_watermark());
    } else if (IS("timers")) {
        return timers(event);
    } else if (IS("log")) {
        for (int level = TR_DEBUG; level <= TR_ERROR; level++) {
            tr_log((tr_level)level, event->payload);
        }
    } else if (IS("time") || IS("random")) {
        /* C has neither a clock nor a generator here. */
        return emit_number(event->time);
    } else if (IS("reject") || IS("retry") || IS("panic")) {
        return fail((tr_text){subject.data + 2, subject.size - 2}, event->payload);
    } else if (IS("undeclared")) {
        size_t length;
        tr_vector_get(TR_TEXT("undeclared"), TR_TEXT("a"), &length);
    } else if (IS("messages")) {
        return emit_many(number(event->payload));
    } else if (IS("writes")) {
        write_many(number(event->payload));
    } else if (IS("bytes")) {
        size_t size = (size_t)number(event->payload);
        return tr_emit((tr_text){tr_alloc(size), size});
    } else if (IS("log-lines")) {
        for (uint64_t at = number(event->payload); at > 0; at--) {
            tr_log(TR_INFO, TR_TEXT("line"));
        }
    } else if (IS("spin")) {
        spin();
    } else if (IS("eat")) {
        eat();
    } else if (!IS("drop")) {
        return tr_reject(TR_TEXT("unknown"), subject);
    }
    return tr_drop();
}

static void put_word(tr_buffer *out, tr_text word) {
    tr_put(out, word);
    tr_put(out, TR_TEXT(" "));
}

static void put_count(tr_buffer *out, uint64_t number) {
    tr_put_number(out, number);
    tr_put(out, TR_TEXT(" "));
}

static tr_result say(const tr_timer *timer) {
    tr_message *message = tr_alloc(sizeof *message);
    tr_buffer out = {0};
    put_word(&out, timer->name);
    put_word(&out, timer->key);
    put_count(&out, timer->at);
    put_count(&out, timer->set_by);
    put_word(&out, timer->payload);
    put_count(&out, tr_watermark());
    /* C has no clock here. */
    tr_put_number(&out, timer->at);
    *message = (tr_message){.subject = TR_TEXT("results.a"), .payload = tr_text_of(&out)};
    return tr_emit_all(message, 1);
}

tr_result tr_on_timer(const tr_timer *timer) {
    tr_text name = timer->name;
    if (tr_equal(name, TR_TEXT("keep"))) {
        tr_state_set(TR_TEXT("woken"), timer->payload);
        tr_timer_set(TR_TEXT("say-again"), timer->at + 10000, timer->payload);
        return tr_drop();
    }
    if (tr_equal(name, TR_TEXT("many"))) {
        return emit_many(number(timer->payload));
    }
    if (tr_equal(name, TR_TEXT("reject")) || tr_equal(name, TR_TEXT("retry")) || tr_equal(name, TR_TEXT("panic"))) {
        return fail(name, timer->payload);
    }
    return say(timer);
}
