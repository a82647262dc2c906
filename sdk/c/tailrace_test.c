/* The engine of a native test. */

#include "tailrace_test_records.h"

enum { MAX_TIMER_NAME = 128, MAX_TIMER_PAYLOAD = 64 * 1024 };
/* More timers that are due at once are likely a plugin that always sets another one. */
enum { MAX_FIRED = 100000 };

/* The records from before the call: sketches are read there. */
static const record *learnt;
static uint64_t now, last_sequence;
static tr_test_counts counts;
static tr_test_firing *fired;
static size_t fired_count;
/* The event or timer that the plugin is called for. */
static tr_text called_key;
static uint64_t called_sequence;

static const tr_text STATE = {"", 0};
static const tr_text DECLARED = {"declared", 8};
/* No collection of a pipeline has such a name. */
static const tr_text TIMERS = {"\1timers", 7};

/* ---- What a test calls ---- */

static void expire(void) {
    for (record **at = &records; *at != NULL;) {
        if (tr_equal((*at)->collection, STATE) && (*at)->at != 0 && (*at)->at <= now) {
            delete_at(at);
        } else {
            at = &(*at)->next;
        }
    }
}

static void forget_results(void) {
    drop(event_memory);
    event_memory = NULL;
    fired_count = 0;
}

/* Calls the plugin for an event or else for a timer. What a failed call has done is taken back. */
static tr_result call(const tr_event *event, const tr_timer *timer) {
    record *before = copy_of_all();
    tr_test_counts counted = counts;
    learnt = before;
    called_key = event != NULL ? event->key : timer->key;
    called_sequence = event != NULL ? event->sequence : timer->set_by;
    tr_result result = event != NULL ? tr_process(event) : tr_on_timer(timer);
    if (result.kind == TR_REJECT || result.kind == TR_RETRY) {
        record *failed = records;
        records = before;
        before = failed;
        counts.sketch_updates = counted.sketch_updates;
    }
    learnt = NULL;
    drop_all(&before);
    return result;
}

/* The timer that fires first, if it is due by then: in the order of time, key and name. */
static const record *due(uint64_t until) {
    const record *first = NULL;
    for (const record *at = records; at != NULL; at = at->next) {
        bool is_due = tr_equal(at->collection, TIMERS) && at->at <= until;
        if (is_due && (first == NULL || at->at < first->at)) {
            first = at;
        }
    }
    return first;
}

/* Takes a timer out. Its key is that of the event, a zero and its name; its value the sequence and the payload. */
static tr_timer taken(const record *timer) {
    tr_buffer key = {0}, value = {0};
    tr_put(&key, timer->key);
    tr_put(&value, timer->value);
    tr_timer due = {.at = timer->at};
    memcpy(&due.set_by, value.data, sizeof due.set_by);
    due.payload = (tr_text){value.data + sizeof due.set_by, value.size - sizeof due.set_by};
    size_t name = key.size;
    while (key.data[name - 1] != 0) {
        name--;
    }
    due.name = (tr_text){key.data + name, key.size - name};
    due.key = (tr_text){key.data, name - 1};
    take(TIMERS, tr_text_of(&key));
    return due;
}

static void advance_to(uint64_t time) {
    uint64_t until = time > now ? time : now;
    for (const record *next = due(until); next != NULL; next = due(until)) {
        if (fired_count == MAX_FIRED) {
            fail("too many timers are due; does each of them set another one?");
        }
        fired = realloc(fired, (fired_count + 1) * sizeof *fired);
        if (fired == NULL) {
            fail("there is no memory");
        }
        tr_timer timer = taken(next);
        now = timer.at > now ? timer.at : now;
        expire();
        fired[fired_count] = (tr_test_firing){timer, call(NULL, &timer)};
        if (fired[fired_count++].result.kind == TR_FORWARD) {
            fail("tr_on_timer forwards, and a timer is no event: emit or drop");
        }
    }
    now = until;
    expire();
}

tr_result tr_test_send(const tr_event *event) {
    tr_event given = *event;
    if (given.sequence == 0) {
        given.sequence = last_sequence + 1;
    }
    last_sequence = given.sequence > last_sequence ? given.sequence : last_sequence;
    forget_results();
    advance_to(given.time);
    return call(&given, NULL);
}

size_t tr_test_advance_to(uint64_t time) {
    forget_results();
    advance_to(time);
    return fired_count;
}

size_t tr_test_fired(const tr_test_firing **firings) {
    *firings = fired;
    return fired_count;
}

bool tr_test_timer(tr_text key, tr_text name, uint64_t *at) {
    const record *found = find(TIMERS, joined(key, name));
    *at = found != NULL ? found->at : 0;
    return found != NULL;
}

static tr_text rows_of(tr_text table) {
    return joined(TR_TEXT("\1rows"), table);
}

void tr_test_row(tr_text table, tr_text key, tr_text row) {
    put(rows_of(table), key, row, 0);
}

bool tr_test_state(tr_text key, tr_text *value) {
    return tr_state_get(key, value);
}

void tr_test_collection(tr_text name, size_t dimensions) {
    put(DECLARED, name, bytes_of(&dimensions, sizeof dimensions), 0);
}

tr_test_counts tr_test_counted(void) {
    return counts;
}

void tr_test_reset(void) {
    drop_all(&records);
    forget_results();
    free(fired);
    fired = NULL;
    now = last_sequence = 0;
    counts = (tr_test_counts){0};
}

/* ---- What a plugin calls ---- */

_Noreturn void tr_panic_at(tr_text message, const char *file, int line) {
    fprintf(stderr, "%s:%d: the plugin panicked: %.*s\n", file, line, (int)message.size, message.data);
    abort();
}

bool tr_state_get(tr_text key, tr_text *value) {
    record *found = find(STATE, key);
    if (found == NULL) {
        return false;
    }
    char *data = tr_alloc(found->value.size);
    if (found->value.size > 0) {
        memcpy(data, found->value.data, found->value.size);
    }
    *value = (tr_text){data, found->value.size};
    return true;
}

void tr_state_set(tr_text key, tr_text value) {
    put(STATE, key, value, 0);
}

void tr_state_set_expiring(tr_text key, tr_text value, uint64_t ttl) {
    put(STATE, key, value, now + tr_unsigned(TR_TEXT("ttl"), ttl));
}

void tr_state_delete(tr_text key) {
    take(STATE, key);
}

size_t tr_state_scan(tr_text prefix, tr_text after, uint32_t limit, const tr_entry **entries) {
    size_t count = 0;
    tr_entry *found = tr_alloc(limit * sizeof *found);
    for (const record *at = records; at != NULL && count < limit; at = at->next) {
        bool is_meant = tr_equal(at->collection, STATE) && at->key.size >= prefix.size &&
                        tr_equal((tr_text){at->key.data, prefix.size}, prefix);
        if (is_meant && (after.data == NULL || compare(at->key, after) > 0)) {
            tr_state_get(at->key, &found[count].value);
            found[count++].key = at->key;
        }
    }
    *entries = found;
    return count;
}

static tr_text in(tr_text collection, size_t length, bool has_length) {
    record *declared = find(DECLARED, collection);
    if (declared == NULL) {
        fail("the pipeline declares no such collection; declare it with tr_test_collection");
    }
    size_t dimensions;
    memcpy(&dimensions, declared->value.data, sizeof dimensions);
    if (has_length && length != dimensions) {
        fail("the vector has another length than the collection");
    }
    return collection;
}

const float *tr_vector_get(tr_text collection, tr_text id, size_t *length) {
    record *found = find(in(collection, 0, false), id);
    *length = found == NULL ? 0 : found->value.size / sizeof(float);
    return found == NULL ? NULL : (const float *)(const void *)found->value.data;
}

void tr_vector_set(tr_text collection, tr_text id, const float *vector, size_t length) {
    put(in(collection, length, true), id, bytes_of(vector, length * sizeof *vector), 0);
}

void tr_vector_delete(tr_text collection, tr_text id) {
    take(in(collection, 0, false), id);
}

static int nearer(const void *left, const void *right) {
    const tr_neighbour *one = left, *other = right;
    return (one->score < other->score) - (one->score > other->score);
}

size_t tr_vector_nearest(tr_text collection, const float *query, size_t length, uint32_t most,
                         const tr_neighbour **found) {
    size_t count = 0;
    in(collection, length, true);
    for (const record *at = records; at != NULL; at = at->next) {
        count += tr_equal(at->collection, collection);
    }
    tr_neighbour *near = tr_alloc(count * sizeof *near);
    count = 0;
    for (const record *at = records; at != NULL; at = at->next) {
        if (!tr_equal(at->collection, collection)) {
            continue;
        }
        const float *vector = (const float *)(const void *)at->value.data;
        float score = 0;
        for (size_t place = 0; place < length; place++) {
            score += query[place] * vector[place];
        }
        near[count++] = (tr_neighbour){at->key, score};
    }
    qsort(near, count, sizeof *near, nearer);
    *found = near;
    return count < most ? count : most;
}

/* ---- Sketches, which are exact here: numbers by their place, items with how often they were counted ---- */

static uint64_t number_of(const record *found) {
    uint64_t number = 0;
    if (found != NULL) {
        memcpy(&number, found->value.data, sizeof number);
    }
    return number;
}

static void add(tr_text collection, tr_text key, uint64_t more) {
    uint64_t number = number_of(find(collection, key)) + more;
    keep(collection, key, bytes_of(&number, sizeof number), 0);
}

/* Adds to how much a sketch has taken in. */
static void taken_in(tr_text name, uint64_t times) {
    add(TR_TEXT("\1totals"), name, times);
    counts.sketch_updates++;
}

static tr_text observed(tr_text name) {
    return joined(TR_TEXT("\1observed"), name);
}

static tr_text distinct(tr_text name) {
    return joined(TR_TEXT("\1distinct"), name);
}

static tr_text counted(tr_text name) {
    return joined(TR_TEXT("\1counted"), name);
}

/* From this record on, the next one of a collection. */
static const record *next_of(const record *from, tr_text collection) {
    while (from != NULL && !tr_equal(from->collection, collection)) {
        from = from->next;
    }
    return from;
}

static size_t count_of(tr_text collection) {
    size_t count = 0;
    for (const record *at = next_of(learnt, collection); at != NULL; at = next_of(at->next, collection)) {
        count++;
    }
    return count;
}

void tr_sketch_observe(tr_text name, double value) {
    uint64_t place = number_of(find(TR_TEXT("\1totals"), name));
    keep(observed(name), bytes_of(&place, sizeof place), bytes_of(&value, sizeof value), 0);
    taken_in(name, 1);
}

void tr_sketch_distinct(tr_text name, tr_text item) {
    keep(distinct(name), item, TR_TEXT(""), 0);
    taken_in(name, 1);
}

void tr_sketch_count(tr_text name, tr_text item, uint64_t times) {
    add(counted(name), item, tr_unsigned(TR_TEXT("times"), times));
    taken_in(name, times);
}

static int smaller(const void *left, const void *right) {
    const double *one = left, *other = right;
    return (*one > *other) - (*one < *other);
}

bool tr_sketch_quantile(tr_text name, double q, double *value) {
    tr_text collection = observed(name);
    size_t count = count_of(collection), at = 0;
    *value = 0;
    if (!(q >= 0 && q <= 1)) {
        fail("a quantile is between 0 and 1");
    }
    if (count == 0) {
        return false;
    }
    double *values = tr_alloc(count * sizeof *values);
    for (const record *from = next_of(learnt, collection); from != NULL; from = next_of(from->next, collection)) {
        memcpy(&values[at++], from->value.data, sizeof *values);
    }
    qsort(values, count, sizeof *values, smaller);
    *value = values[(size_t)(q * (double)(count - 1))];
    return true;
}

uint64_t tr_sketch_estimate(tr_text name) {
    return count_of(distinct(name));
}

static uint64_t learnt_number(tr_text collection, tr_text key) {
    const record *at = next_of(learnt, collection);
    while (at != NULL && !tr_equal(at->key, key)) {
        at = next_of(at->next, collection);
    }
    return number_of(at);
}

uint64_t tr_sketch_estimate_of(tr_text name, tr_text item) {
    return learnt_number(counted(name), item);
}

static int rarer(const void *left, const void *right) {
    const tr_frequency *one = left, *other = right;
    int order = (one->times < other->times) - (one->times > other->times);
    return order != 0 ? order : compare(one->item, other->item);
}

size_t tr_sketch_top(tr_text name, uint32_t limit, const tr_frequency **found) {
    tr_text collection = counted(name);
    size_t count = count_of(collection), at = 0;
    tr_frequency *all = tr_alloc(count * sizeof *all);
    for (const record *from = next_of(learnt, collection); from != NULL; from = next_of(from->next, collection)) {
        tr_buffer item = {0};
        tr_put(&item, from->key);
        all[at++] = (tr_frequency){tr_text_of(&item), number_of(from)};
    }
    qsort(all, count, sizeof *all, rarer);
    *found = all;
    return count < limit ? count : limit;
}

uint64_t tr_sketch_total(tr_text name) {
    return learnt_number(TR_TEXT("\1totals"), name);
}

/* ---- Timers and tables ---- */

static tr_text own_timer(tr_text name) {
    if (name.size > MAX_TIMER_NAME) {
        fail("a timer's name has at most 128 bytes");
    }
    return joined(called_key, name);
}

void tr_timer_set(tr_text name, uint64_t at, tr_text payload) {
    if (payload.size > MAX_TIMER_PAYLOAD) {
        fail("a timer's payload has at most 64 KiB");
    }
    tr_buffer value = {0};
    tr_put(&value, bytes_of(&called_sequence, sizeof called_sequence));
    tr_put(&value, payload);
    keep(TIMERS, own_timer(name), tr_text_of(&value), tr_unsigned(TR_TEXT("at"), at));
}

void tr_timer_cancel(tr_text name) {
    take(TIMERS, own_timer(name));
}

bool tr_timer_get(tr_text name, uint64_t *at) {
    own_timer(name);
    return tr_test_timer(called_key, name, at);
}

uint64_t tr_watermark(void) {
    return now;
}

bool tr_table_get(tr_text table, tr_text key, tr_text *row) {
    const record *found = find(rows_of(table), key);
    if (found == NULL) {
        return false;
    }
    tr_buffer copied = {0};
    tr_put(&copied, found->value);
    *row = tr_text_of(&copied);
    return true;
}

void tr_log(tr_level level, tr_text message) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    fprintf(stderr, "%s: %.*s\n", names[level], (int)message.size, message.data);
    counts.log_lines++;
}
