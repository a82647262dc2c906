/* What is the same in WebAssembly and in a test: results, texts, buffers. */

#include "tailrace.h"

tr_result tr_forward(void) {
    return (tr_result){.kind = TR_FORWARD};
}

tr_result tr_drop(void) {
    return (tr_result){.kind = TR_DROP};
}

tr_result tr_emit(tr_text payload) {
    tr_message *message = tr_alloc(sizeof *message);
    *message = (tr_message){.payload = payload};
    return tr_emit_all(message, 1);
}

tr_result tr_emit_all(const tr_message *messages, size_t count) {
    return (tr_result){.kind = TR_EMIT, .messages = messages, .message_count = count};
}

tr_result tr_reject(tr_text code, tr_text reason) {
    return (tr_result){.kind = TR_REJECT, .code = code, .reason = reason};
}

tr_result tr_retry(tr_text reason) {
    return (tr_result){.kind = TR_RETRY, .reason = reason};
}

bool tr_equal(tr_text left, tr_text right) {
    if (left.size != right.size) {
        return false;
    }
    for (size_t at = 0; at < left.size; at++) {
        if (left.data[at] != right.data[at]) {
            return false;
        }
    }
    return true;
}

bool tr_header_get(const tr_event *event, tr_text name, tr_text *value) {
    for (size_t at = 0; at < event->header_count; at++) {
        if (tr_equal(event->headers[at].name, name)) {
            *value = event->headers[at].value;
            return true;
        }
    }
    return false;
}

bool tr_number(tr_text text, uint64_t *number) {
    uint64_t read = 0;
    if (text.size == 0) {
        return false;
    }
    for (size_t at = 0; at < text.size; at++) {
        unsigned digit = (unsigned char)text.data[at] - (unsigned)'0';
        if (digit > 9 || read > (UINT64_MAX - digit) / 10) {
            return false;
        }
        read = read * 10 + digit;
    }
    *number = read;
    return true;
}

tr_text tr_of(const char *zero_terminated) {
    size_t size = 0;
    while (zero_terminated[size] != 0) {
        size++;
    }
    return (tr_text){zero_terminated, size};
}

static void put_byte(tr_buffer *buffer, char byte) {
    tr_put(buffer, (tr_text){&byte, 1});
}

void tr_put(tr_buffer *buffer, tr_text text) {
    size_t needed = buffer->size + text.size;
    if (needed > buffer->room) {
        size_t room = needed * 2 < 64 ? 64 : needed * 2;
        char *data = tr_alloc(room);
        for (size_t at = 0; at < buffer->size; at++) {
            data[at] = buffer->data[at];
        }
        buffer->data = data;
        buffer->room = room;
    }
    for (size_t at = 0; at < text.size; at++) {
        buffer->data[buffer->size + at] = text.data[at];
    }
    buffer->size = needed;
}

void tr_put_number(tr_buffer *buffer, uint64_t number) {
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    tr_put(buffer, (tr_text){digits + first, sizeof digits - first});
}

void tr_put_json(tr_buffer *buffer, tr_text text) {
    static const char hex[] = "0123456789abcdef";
    put_byte(buffer, '"');
    for (size_t at = 0; at < text.size; at++) {
        unsigned char byte = (unsigned char)text.data[at];
        if (byte == '"' || byte == '\\') {
            put_byte(buffer, '\\');
            put_byte(buffer, (char)byte);
        } else if (byte < 0x20) {
            tr_put(buffer, TR_TEXT("\\u00"));
            put_byte(buffer, hex[byte >> 4]);
            put_byte(buffer, hex[byte & 15]);
        } else {
            put_byte(buffer, (char)byte);
        }
    }
    put_byte(buffer, '"');
}

tr_text tr_text_of(const tr_buffer *buffer) {
    return (tr_text){buffer->data, buffer->size};
}

uint64_t tr_unsigned(tr_text name, uint64_t number) {
    if (number > INT64_MAX) {
        tr_buffer reason = {0};
        tr_put(&reason, name);
        tr_put(&reason, TR_TEXT(" is -"));
        tr_put_number(&reason, UINT64_MAX - number + 1);
        tr_put(&reason, TR_TEXT(", and goes from 0 to 2^63-1: compare before you subtract"));
        tr_panic(tr_text_of(&reason));
    }
    return number;
}

/* A plugin that sets timers defines its own. */
__attribute__((weak)) tr_result tr_on_timer(const tr_timer *timer) {
    tr_buffer reason = {0};
    tr_put(&reason, TR_TEXT("timer "));
    tr_put_json(&reason, timer->name);
    tr_put(&reason, TR_TEXT(" is due, and the plugin has no tr_on_timer"));
    return tr_reject(TR_TEXT("no-on-timer"), tr_text_of(&reason));
}

/* A plugin that takes a config defines its own. */
__attribute__((weak)) tr_text tr_configure(tr_text config) {
    (void)config;
    return TR_NONE;
}
