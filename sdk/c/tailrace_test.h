/* Tests of plugins without an engine: state, vectors, sketches, timers, tables and log in memory. Link tailrace.c and
 * tailrace_test.c with the plugin and the test, with any C compiler.
 */
#ifndef TAILRACE_TEST_H
#define TAILRACE_TEST_H

#include "tailrace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Has an event processed. What it gives lasts until the next event. A failed event leaves nothing behind. An event whose
 * sequence is 0 gets the next one. Timers that are due by the event's time fire before it: tr_test_fired has them. */
tr_result tr_test_send(const tr_event *event);

/* A timer that has fired, and what came of it. */
typedef struct {
    tr_timer timer;
    tr_result result;
} tr_test_firing;

/* Moves the watermark to a time, which does not go back. Gives how many timers fired, each as if at its own time. */
size_t tr_test_advance_to(uint64_t time);
/* What fired in the last call of tr_test_send or tr_test_advance_to, in order; gives how many. It lasts until the next. */
size_t tr_test_fired(const tr_test_firing **fired);
/* When the timer of a key is due; false if there is none. */
bool tr_test_timer(tr_text key, tr_text name, uint64_t *at);

/* Sets the row that a table has for a key. No row is there before that. */
void tr_test_row(tr_text table, tr_text key, tr_text row);

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
