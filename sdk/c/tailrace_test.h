/* Tests of plugins without an engine: state, vectors, sketches and log in memory. Link tailrace.c and tailrace_test.c with
 * the plugin and the test, with any C compiler.
 */
#ifndef TAILRACE_TEST_H
#define TAILRACE_TEST_H

#include "tailrace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Has an event processed. What it gives lasts until the next event. A failed event leaves nothing behind. An event whose
 * sequence is 0 gets the next one. */
tr_result tr_test_send(const tr_event *event);

/* A value of the state; false if there is none. */
bool tr_test_state(tr_text key, tr_text *value);

/* Declares a collection of vectors, which are compared by their inner product. */
void tr_test_collection(tr_text name, size_t dimensions);

/* How often each kind of function was called for events that did not fail. */
typedef struct {
    size_t sketch_updates;
    size_t log_lines;
} tr_test_counts;
tr_test_counts tr_test_counted(void);

/* Forgets everything. */
void tr_test_reset(void);

#ifdef __cplusplus
}
#endif

#endif
