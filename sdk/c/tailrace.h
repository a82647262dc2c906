/* Write a Tailrace plugin in C: one function, testable without WebAssembly.
 *
 *     #include "tailrace.h"
 *
 *     tr_result tr_process(const tr_event *event) {
 *         tr_state_set(event->key, TR_TEXT("seen"));
 *         return tr_emit(event->payload);
 *     }
 *
 * A plugin is a function of the event, its state and its config: it has no clock, no randomness, no files and no network.
 * There is no C library either. What `tr_alloc` gives, and all that the engine hands over, lasts until the event ends.
 * Global variables are a cache and may vanish between two events; what must last is state.
 *
 * A plugin imports only what it calls, and a step that runs it must be granted that.
 */
#ifndef TAILRACE_H
#define TAILRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text in UTF-8, or bytes. It is not terminated by a zero. */
typedef struct {
    const char *data;
    size_t size;
} tr_text;

/* A text literal. */
#define TR_TEXT(literal) ((tr_text){(literal), sizeof(literal) - 1})
/* Nothing, where something may be left out. */
#define TR_NONE ((tr_text){NULL, 0})

/* A name and a value beside a payload. */
typedef struct {
    tr_text name;
    tr_text value;
} tr_header;

/* One event, as a step of a pipeline receives it. */
typedef struct {
    /* Position in the input stream, counted from 1. */
    uint64_t sequence;
    /* Event time in milliseconds since the Unix epoch. */
    uint64_t time;
    /* Subject, or the one that the previous step gave the event. */
    tr_text subject;
    /* Key that the pipeline extracts. Events of one key are processed in order. */
    tr_text key;
    const tr_header *headers;
    size_t header_count;
    tr_text payload;
} tr_event;

/* A timer that is due. */
typedef struct {
    /* The name that the plugin gave it. */
    tr_text name;
    /* Key of the event that set it. */
    tr_text key;
    /* When it was due, in milliseconds since the Unix epoch. */
    uint64_t at;
    /* The payload that the plugin gave it. */
    tr_text payload;
    /* Sequence of the event that set it. */
    uint64_t set_by;
} tr_timer;

/* A message that a step emits. */
typedef struct {
    /* TR_NONE: the pipeline's output subject. */
    tr_text subject;
    /* TR_NONE: the key of the event that caused the message. */
    tr_text key;
    const tr_header *headers;
    size_t header_count;
    tr_text payload;
} tr_message;

/* What becomes of an event. The functions below make one. */
typedef struct {
    enum { TR_FORWARD, TR_DROP, TR_EMIT, TR_REJECT, TR_RETRY } kind;
    const tr_message *messages;
    size_t message_count;
    tr_text code;
    tr_text reason;
} tr_result;

/* ---- What the plugin defines ---- */

/* Processes an event. */
tr_result tr_process(const tr_event *event);

/* Takes the step's config, as JSON text, once on a new instance. It gives TR_NONE, or why the deployment is refused. A
 * plugin that needs no config leaves it out. */
tr_text tr_configure(tr_text config);

/* Wakes up by a timer that tr_timer_set has set. It emits, drops, rejects or retries; there is no event to forward. A
 * plugin that sets no timers leaves it out. Without it, each timer is rejected with the code `no-on-timer`. */
tr_result tr_on_timer(const tr_timer *timer);

/* ---- Results ---- */

/* The event goes on unchanged. */
tr_result tr_forward(void);
/* The event ends here on purpose. */
tr_result tr_drop(void);
/* A message goes on, to the pipeline's output subject and with the event's key. */
tr_result tr_emit(tr_text payload);
/* These messages go on, in this order. They last until the event ends: take them from tr_alloc. */
tr_result tr_emit_all(const tr_message *messages, size_t count);
/* The event itself is at fault: it becomes a dead letter. The code is short and stable, the reason is for people. */
tr_result tr_reject(tr_text code, tr_text reason);
/* The event is retried under the step's `on-error` policy. */
tr_result tr_retry(tr_text reason);

/* Ends the instance. The reason of the failure bears the message and the place. */
#define tr_panic(message) tr_panic_at((message), __FILE__, __LINE__)
_Noreturn void tr_panic_at(tr_text message, const char *file, int line);

/* ---- Keyed state of the step; it needs the grant `state` ---- */

typedef struct {
    tr_text key;
    tr_text value;
} tr_entry;

/* The value of a key; false if there is none. */
bool tr_state_get(tr_text key, tr_text *value);
void tr_state_set(tr_text key, tr_text value);
/* The same, for so many milliseconds of event time. A negative number ends the instance, as in tr_timer_set. */
void tr_state_set_expiring(tr_text key, tr_text value, uint64_t ttl);
void tr_state_delete(tr_text key);
/* Entries whose key begins with a prefix, in the order of keys, after the key `after` (or TR_NONE); gives how many. */
size_t tr_state_scan(tr_text prefix, tr_text after, uint32_t limit, const tr_entry **entries);

/* ---- Collections of embeddings that the pipeline declares; they need the grant `vectors` ---- */

typedef struct {
    tr_text id;
    float score;
} tr_neighbour;

/* The vector of an id, and its length; NULL if there is none. */
const float *tr_vector_get(tr_text collection, tr_text id, size_t *length);
void tr_vector_set(tr_text collection, tr_text id, const float *vector, size_t length);
void tr_vector_delete(tr_text collection, tr_text id);
/* The nearest vectors, nearest first; gives how many. */
size_t tr_vector_nearest(tr_text collection, const float *query, size_t length, uint32_t most,
                         const tr_neighbour **found);

/* ---- Sketches that the pipeline declares; they need the grant `sketches` ----
 *
 * Reads answer as of the last commit before this event's batch. A sketch with windows or groups cannot be read. */

typedef struct {
    tr_text item;
    /* At most so many occurrences. */
    uint64_t times;
} tr_frequency;

/* Adds a value to a sketch of quantiles. */
void tr_sketch_observe(tr_text name, double value);
/* Adds an item to a sketch of distinct items. */
void tr_sketch_distinct(tr_text name, tr_text item);
/* Adds occurrences of an item to a sketch of the most frequent items. */
void tr_sketch_count(tr_text name, tr_text item, uint64_t times);
/* The quantile q, from 0 to 1, of a sketch of quantiles; false if the sketch is empty. */
bool tr_sketch_quantile(tr_text name, double q, double *value);
/* How many different items a sketch of distinct items has seen. */
uint64_t tr_sketch_estimate(tr_text name);
/* How often a sketch of the most frequent items has counted an item. */
uint64_t tr_sketch_estimate_of(tr_text name, tr_text item);
/* The most frequent items, the most frequent first; gives how many. */
size_t tr_sketch_top(tr_text name, uint32_t limit, const tr_frequency **found);
/* How many values, items or occurrences a sketch has taken in. */
uint64_t tr_sketch_total(tr_text name);

/* ---- Wake-ups in event time; they need the grant `timers` ----
 *
 * A timer is durable. It belongs to this step and to the event's key. Each key has one timer of a name. */

/* Has tr_on_timer called at a time, in milliseconds since the Unix epoch. Setting it again moves it. The payload comes
 * back there, and has at most 64 KiB. C makes a time near 2^64 of a negative number: it ends the instance, and says so. */
void tr_timer_set(tr_text name, uint64_t at, tr_text payload);
void tr_timer_cancel(tr_text name);
/* When a timer is due; false if there is none. */
bool tr_timer_get(tr_text name, uint64_t *at);
/* The watermark in milliseconds since the Unix epoch. In tr_on_timer it is the time of the timer. */
uint64_t tr_watermark(void);

/* ---- Tables of the pipeline, read only; they need the grant `tables` ---- */

/* The row that a table has for a key; false if there is none. */
bool tr_table_get(tr_text table, tr_text key, tr_text *row);

/* ---- Log lines for the author; they need the grant `log` ---- */

typedef enum { TR_DEBUG, TR_INFO, TR_WARN, TR_ERROR } tr_level;
void tr_log(tr_level level, tr_text message);

/* ---- Helpers ---- */

/* Memory until the event ends, aligned for every type. It never gives NULL: without memory the event ends with a trap. */
void *tr_alloc(size_t size);

/* The first header of a name; false if there is none. */
bool tr_header_get(const tr_event *event, tr_text name, tr_text *value);
bool tr_equal(tr_text left, tr_text right);
/* Reads digits; false where there is something else, or too many of them. */
bool tr_number(tr_text text, uint64_t *number);
/* Length of a text that a zero ends. */
tr_text tr_of(const char *zero_terminated);

/* A text that grows. Begin with {0}. */
typedef struct {
    char *data;
    size_t size;
    size_t room;
} tr_buffer;

void tr_put(tr_buffer *buffer, tr_text text);
void tr_put_number(tr_buffer *buffer, uint64_t number);
/* Puts a text as JSON writes it: quoted, with escapes. */
void tr_put_json(tr_buffer *buffer, tr_text text);
/* What was put so far. */
tr_text tr_text_of(const tr_buffer *buffer);

/* Ends the instance where a number was negative before C took it for a uint64_t. The SDK asks it of times and counts. */
uint64_t tr_unsigned(tr_text name, uint64_t number);

#ifdef __cplusplus
}
#endif

#endif
