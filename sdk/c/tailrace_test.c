/* The engine of a native test. Everything is in lists that are searched from the front: a test has few entries. */

#include "tailrace_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry of the state, or a vector of a collection. */
typedef struct record {
    struct record *next;
    tr_text collection;
    tr_text key;
    tr_text value;
    uint64_t expires;
} record;

typedef struct chunk {
    struct chunk *next;
    max_align_t data[];
} chunk;

static record *records;
static chunk *event_memory;
static uint64_t now, last_sequence;
static tr_test_counts counts;

static const tr_text STATE = {"", 0};
static const tr_text DECLARED = {"declared", 8};

static void fail(const char *why) {
    fprintf(stderr, "misuse: %s\n", why);
    abort();
}

static void *memory(size_t size) {
    void *data = malloc(size > 0 ? size : 1);
    if (data == NULL) {
        fail("there is no memory");
    }
    return data;
}

static tr_text copy(tr_text text) {
    char *data = memory(text.size);
    if (text.size > 0) {
        memcpy(data, text.data, text.size);
    }
    return (tr_text){data, text.size};
}

static void drop(chunk *first) {
    while (first != NULL) {
        chunk *next = first->next;
        free(first);
        first = next;
    }
}

void *tr_alloc(size_t size) {
    chunk *made = memory(sizeof *made + size);
    made->next = event_memory;
    event_memory = made;
    return made->data;
}

/* ---- Records ---- */

static int compare(tr_text left, tr_text right) {
    size_t size = left.size < right.size ? left.size : right.size;
    int order = size > 0 ? memcmp(left.data, right.data, size) : 0;
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

static record **place(tr_text collection, tr_text key) {
    record **at = &records;
    while (*at != NULL && !(tr_equal((*at)->collection, collection) && compare((*at)->key, key) >= 0)) {
        at = &(*at)->next;
    }
    return at;
}

static record *find(tr_text collection, tr_text key) {
    record *found = *place(collection, key);
    return found != NULL && tr_equal(found->key, key) ? found : NULL;
}

static void delete_at(record **at) {
    record *gone = *at;
    *at = gone->next;
    free((void *)gone->collection.data);
    free((void *)gone->key.data);
    free((void *)gone->value.data);
    free(gone);
}

static void put(tr_text collection, tr_text key, tr_text value, uint64_t expires) {
    if (key.size > 1024) {
        fail("a key has at most 1,024 bytes");
    }
    record **at = place(collection, key);
    record *made = memory(sizeof *made);
    *made = (record){*at, copy(collection), copy(key), copy(value), expires};
    if (*at != NULL && tr_equal((*at)->key, key)) {
        delete_at(at);
        made->next = *at;
    }
    *at = made;
}

static void take(tr_text collection, tr_text key) {
    if (find(collection, key) != NULL) {
        delete_at(place(collection, key));
    }
}

static record *copy_of_all(void) {
    record *first = NULL, **end = &first;
    for (const record *from = records; from != NULL; from = from->next) {
        record *made = memory(sizeof *made);
        *made = (record){NULL, copy(from->collection), copy(from->key), copy(from->value), from->expires};
        *end = made;
        end = &made->next;
    }
    return first;
}

static void drop_all(record **first) {
    while (*first != NULL) {
        delete_at(first);
    }
}

/* ---- What a test calls ---- */

static void expire(void) {
    for (record **at = &records; *at != NULL;) {
        if ((*at)->expires != 0 && (*at)->expires <= now) {
            delete_at(at);
        } else {
            at = &(*at)->next;
        }
    }
}

tr_result tr_test_send(const tr_event *event) {
    tr_event given = *event;
    if (given.sequence == 0) {
        given.sequence = last_sequence + 1;
    }
    last_sequence = given.sequence > last_sequence ? given.sequence : last_sequence;
    now = given.time > now ? given.time : now;
    drop(event_memory);
    event_memory = NULL;
    expire();
    record *before = copy_of_all();
    tr_test_counts counted = counts;
    tr_result result = tr_process(&given);
    if (result.kind == TR_REJECT || result.kind == TR_RETRY) {
        record *failed = records;
        records = before;
        before = failed;
        counts.sketch_updates = counted.sketch_updates;
    }
    drop_all(&before);
    return result;
}

bool tr_test_state(tr_text key, tr_text *value) {
    return tr_state_get(key, value);
}

void tr_test_collection(tr_text name, size_t dimensions) {
    put(DECLARED, name, (tr_text){(const char *)&dimensions, sizeof dimensions}, 0);
}

tr_test_counts tr_test_counted(void) {
    return counts;
}

void tr_test_reset(void) {
    drop_all(&records);
    drop(event_memory);
    event_memory = NULL;
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
    put(STATE, key, value, now + ttl);
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
    put(in(collection, length, true), id, (tr_text){(const char *)vector, length * sizeof *vector}, 0);
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

void tr_sketch_observe(tr_text name, double value) {
    (void)name, (void)value;
    counts.sketch_updates++;
}

void tr_sketch_distinct(tr_text name, tr_text item) {
    (void)name, (void)item;
    counts.sketch_updates++;
}

void tr_sketch_count(tr_text name, tr_text item, uint64_t times) {
    (void)name, (void)item, (void)times;
    counts.sketch_updates++;
}

void tr_log(tr_level level, tr_text message) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    fprintf(stderr, "%s: %.*s\n", names[level], (int)message.size, message.data);
    counts.log_lines++;
}
