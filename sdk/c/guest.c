/* The plugin's side of the contract in WebAssembly: the canonical ABI of `wit/`, by hand. Each imported function is one of
 * the contract, and an import that nothing calls is left out by the linker. Keep it free of tables of functions.
 *
 * Memory is one arena. The engine's arguments and answers go there through `cabi_realloc`, and `tr_alloc` takes from it,
 * too. It is emptied behind each event. */

#include "tailrace.h"

#define IMPORT(interface, name) \
    __attribute__((import_module("tailrace:plugin/" interface "@0.2.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define TRANSFORM "tailrace:plugin/transform@0.2.0#"
#define TIMED "tailrace:plugin/timed@0.2.0#"

_Static_assert(sizeof(void *) == 4 && sizeof(tr_text) == 8, "the layout below is that of wasm32");

/* ---- The arena ---- */

enum { PAGE = 65536, ALIGN = 16 };

extern unsigned char __heap_base;
static uintptr_t next;

void *tr_alloc(size_t size) {
    if (next == 0) {
        next = (uintptr_t)&__heap_base;
    }
    uintptr_t begin = (next + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    uintptr_t end = begin + size;
    uintptr_t has = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE;
    if (end < begin) {
        __builtin_trap();
    }
    if (end > has && __builtin_wasm_memory_grow(0, (end - has + PAGE - 1) / PAGE) == (size_t)-1) {
        __builtin_trap();
    }
    next = end;
    return (void *)begin;
}

static void end_of_event(void) {
    next = 0;
}

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)align;
    char *data = tr_alloc(size);
    for (size_t at = 0; at < old_size && at < size; at++) {
        data[at] = ((char *)old)[at];
    }
    return data;
}

/* ---- Imports ---- */

/* `option<list<…>>`, `list<…>` and options of numbers, as the engine writes them. */
typedef struct {
    uint8_t is_some;
    const void *data;
    size_t size;
} option_list;

typedef struct {
    const void *data;
    size_t size;
} list;

typedef struct {
    uint8_t is_some;
    uint64_t number;
} option_u64;

typedef struct {
    uint8_t is_some;
    double number;
} option_f64;

_Static_assert(sizeof(tr_frequency) == 16 && offsetof(tr_frequency, times) == 8, "frequency of wit/sketches.wit");

IMPORT("state", "get") void state_get(const char *, size_t, option_list *);
IMPORT("state", "set")
void state_set(const char *, size_t, const char *, size_t, int32_t has_ttl, uint64_t ttl);
IMPORT("state", "delete") void state_delete(const char *, size_t);
IMPORT("state", "scan")
void state_scan(const char *, size_t, int32_t has_after, const char *, size_t, uint32_t, list *);
IMPORT("vectors", "get") void vectors_get(const char *, size_t, const char *, size_t, option_list *);
IMPORT("vectors", "set") void vectors_set(const char *, size_t, const char *, size_t, const float *, size_t);
IMPORT("vectors", "delete") void vectors_delete(const char *, size_t, const char *, size_t);
IMPORT("vectors", "nearest")
void vectors_nearest(const char *, size_t, const float *, size_t, uint32_t, list *);
IMPORT("sketches", "observe") void sketches_observe(const char *, size_t, double);
IMPORT("sketches", "distinct") void sketches_distinct(const char *, size_t, const char *, size_t);
IMPORT("sketches", "count") void sketches_count(const char *, size_t, const char *, size_t, uint64_t);
IMPORT("sketches", "quantile") void sketches_quantile(const char *, size_t, double, option_f64 *);
IMPORT("sketches", "estimate")
uint64_t sketches_estimate(const char *, size_t, int32_t has_item, const char *, size_t);
IMPORT("sketches", "top") void sketches_top(const char *, size_t, uint32_t, list *);
IMPORT("sketches", "total") uint64_t sketches_total(const char *, size_t);
IMPORT("timers", "set") void timers_set(const char *, size_t, uint64_t, const char *, size_t);
IMPORT("timers", "cancel") void timers_cancel(const char *, size_t);
IMPORT("timers", "get") void timers_get(const char *, size_t, option_u64 *);
IMPORT("timers", "watermark") uint64_t timers_watermark(void);
IMPORT("tables", "get") void tables_get(const char *, size_t, const char *, size_t, option_list *);
IMPORT("log", "log") void log_log(int32_t, const char *, size_t);
IMPORT("panics", "report") void panics_report(const char *, size_t, const char *, size_t);

#define ARGUMENT(text) (text).data, (text).size

bool tr_state_get(tr_text key, tr_text *value) {
    option_list found;
    state_get(ARGUMENT(key), &found);
    if (!found.is_some) {
        return false;
    }
    *value = (tr_text){found.data, found.size};
    return true;
}

void tr_state_set(tr_text key, tr_text value) {
    state_set(ARGUMENT(key), ARGUMENT(value), 0, 0);
}

void tr_state_set_expiring(tr_text key, tr_text value, uint64_t ttl) {
    state_set(ARGUMENT(key), ARGUMENT(value), 1, tr_unsigned(TR_TEXT("ttl"), ttl));
}

void tr_state_delete(tr_text key) {
    state_delete(ARGUMENT(key));
}

size_t tr_state_scan(tr_text prefix, tr_text after, uint32_t limit, const tr_entry **entries) {
    list found;
    state_scan(ARGUMENT(prefix), after.data != NULL, ARGUMENT(after), limit, &found);
    *entries = found.data;
    return found.size;
}

const float *tr_vector_get(tr_text collection, tr_text id, size_t *length) {
    option_list found;
    vectors_get(ARGUMENT(collection), ARGUMENT(id), &found);
    *length = found.is_some ? found.size : 0;
    return found.is_some ? found.data : NULL;
}

void tr_vector_set(tr_text collection, tr_text id, const float *vector, size_t length) {
    vectors_set(ARGUMENT(collection), ARGUMENT(id), vector, length);
}

void tr_vector_delete(tr_text collection, tr_text id) {
    vectors_delete(ARGUMENT(collection), ARGUMENT(id));
}

size_t tr_vector_nearest(tr_text collection, const float *query, size_t length, uint32_t most,
                         const tr_neighbour **found) {
    list near;
    vectors_nearest(ARGUMENT(collection), query, length, most, &near);
    *found = near.data;
    return near.size;
}

void tr_sketch_observe(tr_text name, double value) {
    sketches_observe(ARGUMENT(name), value);
}

void tr_sketch_distinct(tr_text name, tr_text item) {
    sketches_distinct(ARGUMENT(name), ARGUMENT(item));
}

void tr_sketch_count(tr_text name, tr_text item, uint64_t times) {
    sketches_count(ARGUMENT(name), ARGUMENT(item), tr_unsigned(TR_TEXT("times"), times));
}

bool tr_sketch_quantile(tr_text name, double q, double *value) {
    option_f64 found;
    sketches_quantile(ARGUMENT(name), q, &found);
    *value = found.is_some ? found.number : 0;
    return found.is_some;
}

uint64_t tr_sketch_estimate(tr_text name) {
    return sketches_estimate(ARGUMENT(name), 0, NULL, 0);
}

uint64_t tr_sketch_estimate_of(tr_text name, tr_text item) {
    return sketches_estimate(ARGUMENT(name), 1, ARGUMENT(item));
}

size_t tr_sketch_top(tr_text name, uint32_t limit, const tr_frequency **found) {
    list top;
    sketches_top(ARGUMENT(name), limit, &top);
    *found = top.data;
    return top.size;
}

uint64_t tr_sketch_total(tr_text name) {
    return sketches_total(ARGUMENT(name));
}

void tr_timer_set(tr_text name, uint64_t at, tr_text payload) {
    timers_set(ARGUMENT(name), tr_unsigned(TR_TEXT("at"), at), ARGUMENT(payload));
}

void tr_timer_cancel(tr_text name) {
    timers_cancel(ARGUMENT(name));
}

bool tr_timer_get(tr_text name, uint64_t *at) {
    option_u64 found;
    timers_get(ARGUMENT(name), &found);
    *at = found.is_some ? found.number : 0;
    return found.is_some;
}

uint64_t tr_watermark(void) {
    return timers_watermark();
}

bool tr_table_get(tr_text table, tr_text key, tr_text *row) {
    option_list found;
    tables_get(ARGUMENT(table), ARGUMENT(key), &found);
    if (!found.is_some) {
        return false;
    }
    *row = (tr_text){found.data, found.size};
    return true;
}

void tr_log(tr_level level, tr_text message) {
    log_log((int32_t)level, ARGUMENT(message));
}

_Noreturn void tr_panic_at(tr_text message, const char *file, int line) {
    tr_buffer place = {0};
    tr_put(&place, tr_of(file));
    tr_put(&place, TR_TEXT(":"));
    tr_put_number(&place, (uint64_t)line);
    panics_report(ARGUMENT(message), place.data, place.size);
    __builtin_trap();
}

/* ---- Exports ---- */

/* `option<string>`, `message`, and both results, as the engine reads them. */
typedef struct {
    uint8_t is_some;
    tr_text text;
} option_text;

typedef struct {
    option_text subject;
    option_text key;
    const tr_header *headers;
    size_t header_count;
    tr_text payload;
} abi_message;

typedef struct {
    uint8_t is_err;
    tr_text reason;
} abi_configured;

_Static_assert(sizeof(abi_message) == 40 && offsetof(abi_message, payload) == 32, "message of wit/types.wit");

enum { FORWARD, EMIT, DROP };
enum { INVALID, TRANSIENT };

/* `result<verdict, failure>`: both variants have an alignment of 4, so the inner kind begins there, and its content behind
 * another 4 bytes. */
typedef struct {
    uint8_t is_err;
    uint8_t padding[3];
    uint8_t kind;
    uint8_t more_padding[3];
    uint32_t words[4];
} abi_result;

/* `result<list<message>, failure>`: the list begins where the kind of a failure does. */
typedef union {
    abi_result failed;
    struct {
        uint8_t is_err;
        list messages;
    } sent;
} abi_woken;

_Static_assert(offsetof(abi_woken, sent.messages) == 4, "result of wit/timed.wit");

static option_text optional(tr_text text) {
    return (option_text){text.data != NULL, text};
}

static void put_text(uint32_t *words, tr_text text) {
    words[0] = (uint32_t)(uintptr_t)text.data;
    words[1] = (uint32_t)text.size;
}

static list messages_of(const tr_result *result) {
    abi_message *messages = tr_alloc(result->message_count * sizeof *messages);
    for (size_t at = 0; at < result->message_count; at++) {
        const tr_message *from = &result->messages[at];
        messages[at] = (abi_message){
            .subject = optional(from->subject),
            .key = optional(from->key),
            .headers = from->headers,
            .header_count = from->header_count,
            .payload = from->payload,
        };
    }
    return (list){messages, result->message_count};
}

/* A rejection, or else a retry. */
static abi_result failure_of(const tr_result *result) {
    abi_result failed = {.is_err = 1};
    if (result->kind == TR_REJECT) {
        failed.kind = INVALID;
        put_text(failed.words, result->code);
        put_text(failed.words + 2, result->reason);
    } else {
        failed.kind = TRANSIENT;
        put_text(failed.words, result->reason);
    }
    return failed;
}

EXPORT(TRANSFORM "configure")
abi_configured *configure(const char *data, size_t size) {
    tr_text reason = tr_configure((tr_text){data, size});
    abi_configured *configured = tr_alloc(sizeof *configured);
    *configured = (abi_configured){reason.data != NULL, reason};
    return configured;
}

EXPORT("cabi_post_" TRANSFORM "configure")
void configure_end(abi_configured *configured) {
    (void)configured;
    end_of_event();
}

EXPORT(TRANSFORM "process")
abi_result *process(uint64_t sequence, uint64_t time, const char *subject, size_t subject_size, const char *key,
                    size_t key_size, const tr_header *headers, size_t header_count, const char *payload,
                    size_t payload_size) {
    tr_event event = {
        .sequence = sequence,
        .time = time,
        .subject = {subject, subject_size},
        .key = {key, key_size},
        .headers = headers,
        .header_count = header_count,
        .payload = {payload, payload_size},
    };
    tr_result result = tr_process(&event);
    abi_result *answer = tr_alloc(sizeof *answer);
    *answer = (abi_result){0};
    switch (result.kind) {
    case TR_FORWARD:
        answer->kind = FORWARD;
        break;
    case TR_DROP:
        answer->kind = DROP;
        break;
    case TR_EMIT: {
        list messages = messages_of(&result);
        answer->kind = EMIT;
        answer->words[0] = (uint32_t)(uintptr_t)messages.data;
        answer->words[1] = (uint32_t)messages.size;
        break;
    }
    case TR_REJECT:
    case TR_RETRY:
        *answer = failure_of(&result);
        break;
    }
    return answer;
}

EXPORT("cabi_post_" TRANSFORM "process")
void process_end(abi_result *answer) {
    (void)answer;
    end_of_event();
}

EXPORT(TIMED "on-timer")
abi_woken *on_timer(const char *name, size_t name_size, const char *key, size_t key_size, uint64_t at,
                    const char *payload, size_t payload_size, uint64_t set_by) {
    tr_timer timer = {
        .name = {name, name_size},
        .key = {key, key_size},
        .at = at,
        .payload = {payload, payload_size},
        .set_by = set_by,
    };
    tr_result result = tr_on_timer(&timer);
    abi_woken *answer = tr_alloc(sizeof *answer);
    switch (result.kind) {
    case TR_FORWARD:
        tr_panic(TR_TEXT("tr_on_timer forwards, and a timer is no event: emit or drop"));
    case TR_DROP:
    case TR_EMIT:
        answer->sent.is_err = 0;
        answer->sent.messages = messages_of(&result);
        break;
    case TR_REJECT:
    case TR_RETRY:
        answer->failed = failure_of(&result);
        break;
    }
    return answer;
}

EXPORT("cabi_post_" TIMED "on-timer")
void on_timer_end(abi_woken *answer) {
    (void)answer;
    end_of_event();
}
