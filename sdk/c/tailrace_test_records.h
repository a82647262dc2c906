/* What the engine of a native test keeps. Everything is in one list that is searched from the front: a test has few
 * entries. It belongs to tailrace_test.c. */
#ifndef TAILRACE_TEST_RECORDS_H
#define TAILRACE_TEST_RECORDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tailrace_test.h"

/* An entry of the state, a vector of a collection, a timer, a row, or what a sketch has taken in. */
typedef struct record {
    struct record *next;
    tr_text collection;
    tr_text key;
    tr_text value;
    /* When an entry of the state ends, or a timer is due. */
    uint64_t at;
} record;

typedef struct chunk {
    struct chunk *next;
    max_align_t data[];
} chunk;

enum { MAX_KEY = 1024 };

static record *records;
/* What lasts until the next event. */
static chunk *event_memory;

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

static int compare(tr_text left, tr_text right) {
    size_t size = left.size < right.size ? left.size : right.size;
    int order = size > 0 ? memcmp(left.data, right.data, size) : 0;
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

/* Two texts with a zero between them. */
static tr_text joined(tr_text left, tr_text right) {
    tr_buffer both = {0};
    tr_put(&both, left);
    tr_put(&both, (tr_text){"", 1});
    tr_put(&both, right);
    return tr_text_of(&both);
}

static tr_text bytes_of(const void *data, size_t size) {
    return (tr_text){data, size};
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

static void keep(tr_text collection, tr_text key, tr_text value, uint64_t time) {
    record **at = place(collection, key);
    record *made = memory(sizeof *made);
    *made = (record){*at, copy(collection), copy(key), copy(value), time};
    if (*at != NULL && tr_equal((*at)->key, key)) {
        delete_at(at);
        made->next = *at;
    }
    *at = made;
}

static void put(tr_text collection, tr_text key, tr_text value, uint64_t expires) {
    if (key.size > MAX_KEY) {
        fail("a key has at most 1,024 bytes");
    }
    keep(collection, key, value, expires);
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
        *made = (record){NULL, copy(from->collection), copy(from->key), copy(from->value), from->at};
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

#endif
