/* Lines of a log file to entries of a PackedForward message: what blocks.py does, faster.
 *
 * encode(format, data, begin, end, room, head, stdout, stderr) -> (payload, records, end)
 *
 *   format   0 CRI, 1 Docker's json-file
 *   data     bytes; data[begin:end] are whole lines, newlines included
 *   room     bytes of payload at most
 *   head     what is between an entry's time and the header of its content
 *   stdout, stderr   what follows the content of an entry of that stream
 *
 * Stops at the first line that is not of the usual shape (blocks.py says which are), or that has no
 * room any more, and returns where that line begins. blocks.py holds the same in Python; tests/exporters/fluentd/
 * test_blocks.py asserts that both give the same bytes for any input.
 *
 * `data` is immutable and referenced by the caller's arguments, so the GIL is released while it is
 * read. Only the limited API of Python 3.11 is used: one binary serves all later versions.
 */

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef const unsigned char *Bytes;

enum { CRI, DOCKER };

#define LONGEST 17000 /* bytes of content: headers.py, LONGEST */
#define ENTRY 3       /* 92 D7 00: an array of two, and an EventTime of eight bytes */
#define HEADER 3      /* the longest header of a string of LONGEST bytes */
#define MOST_ROOM (1 << 30)

static const char OUT[] = " stdout F ", ERR[] = " stderr F ";
static const char BEGIN[] = "{\"log\":\"", FINISH[] = "Z\"}";
static const char OUT_TIME[] = "\\n\",\"stream\":\"stdout\",\"time\":\"";
static const char ERR_TIME[] = "\\n\",\"stream\":\"stderr\",\"time\":\"";
#define LENGTH(text) ((Py_ssize_t)sizeof(text) - 1)

/* The second that was parsed last. Lines of one second usually lie side by side. */
typedef struct {
    unsigned char text[25]; /* 2026-11-24T03:16:16, then the zone */
    Py_ssize_t length;      /* 0: none */
    uint32_t seconds;
} Second;

typedef struct {
    Bytes content;
    Py_ssize_t length;
    uint32_t seconds, nanoseconds;
    int is_stderr, escaped;
} Line;

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int two_digits(Bytes p, int *value)
{
    if (!is_digit(p[0]) || !is_digit(p[1]))
        return 0;
    *value = (p[0] - '0') * 10 + p[1] - '0';
    return 1;
}

/* Days from 1970-01-01, Gregorian (Howard Hinnant, "chrono-compatible low-level date algorithms").
 */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = y / 400; /* years before 0 never come here */
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Nineteen bytes of date and time, and a zone that was checked already. 0: not a time, or one that
 * an EventTime cannot say. */
static int parse_second(Bytes time, Bytes zone, Py_ssize_t zone_length, Second *second)
{
    int century, of_century, month, day, hour, minute, sec;
    int64_t seconds;

    if (second->length == 19 + zone_length && memcmp(second->text, time, 19) == 0 &&
        memcmp(second->text + 19, zone, (size_t)zone_length) == 0)
        return 1;
    if (!two_digits(time, &century) || !two_digits(time + 2, &of_century) || time[4] != '-' ||
        !two_digits(time + 5, &month) || time[7] != '-' || !two_digits(time + 8, &day) ||
        time[10] != 'T' || !two_digits(time + 11, &hour) || time[13] != ':' ||
        !two_digits(time + 14, &minute) || time[16] != ':' || !two_digits(time + 17, &sec))
        return 0;
    int year = century * 100 + of_century;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || sec > 59)
        return 0;
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + sec;
    if (zone_length == 6) {
        int hours = (zone[1] - '0') * 10 + zone[2] - '0';
        int minutes = (zone[4] - '0') * 10 + zone[5] - '0';
        int64_t offset = hours * 3600 + minutes * 60;
        seconds += zone[0] == '-' ? offset : -offset;
    }
    if (seconds < 0 || seconds > UINT32_MAX)
        return 0;
    memcpy(second->text, time, 19);
    memcpy(second->text + 19, zone, (size_t)zone_length);
    second->length = 19 + zone_length;
    second->seconds = (uint32_t)seconds;
    return 1;
}

/* One to nine digits: nanoseconds. */
static uint32_t fraction(Bytes digits, Py_ssize_t count)
{
    uint32_t value = 0;
    Py_ssize_t at;

    for (at = 0; at < count; at++)
        value = value * 10 + digits[at] - '0';
    for (; at < 9; at++)
        value *= 10;
    return value;
}

/* 2026-11-24T03:16:16.105173157Z stdout F GET / 200 */
static int parse_cri(Bytes p, Bytes end, Line *line, Second *second)
{
    Bytes digits, q;
    Py_ssize_t count, zone;

    if (end - p < 22 + LENGTH(OUT) || p[19] != '.')
        return 0;
    digits = q = p + 20;
    while (q < end && q - digits < 10 && is_digit(*q))
        q++;
    count = q - digits;
    if (count < 1 || count > 9 || q == end)
        return 0;
    if (*q == 'Z')
        zone = 1;
    else if (end - q >= 6 && (*q == '+' || *q == '-') && is_digit(q[1]) && is_digit(q[2]) &&
             q[3] == ':' && is_digit(q[4]) && is_digit(q[5]))
        zone = 6;
    else
        return 0;
    if (end - q < zone + LENGTH(OUT))
        return 0;
    if (memcmp(q + zone, OUT, sizeof OUT - 1) == 0)
        line->is_stderr = 0;
    else if (memcmp(q + zone, ERR, sizeof ERR - 1) == 0)
        line->is_stderr = 1;
    else
        return 0;
    if (!parse_second(p, q, zone, second))
        return 0;
    line->nanoseconds = fraction(digits, count);
    line->content = q + zone + LENGTH(OUT);
    line->length = end - line->content;
    line->escaped = 0;
    return line->length <= LONGEST;
}

/* {"log":"GET / 200\n","stream":"stdout","time":"2026-11-24T03:16:16.105173157Z"} */
static int parse_docker(Bytes p, Bytes end, Line *line, Second *second)
{
    Bytes digits, finish, time, after;

    if (end - p < LENGTH(BEGIN) + LENGTH(OUT_TIME) + 21 + LENGTH(FINISH) ||
        memcmp(p, BEGIN, sizeof BEGIN - 1) != 0)
        return 0;
    finish = end - LENGTH(FINISH);
    if (memcmp(finish, FINISH, sizeof FINISH - 1) != 0)
        return 0;
    digits = finish;
    /* The length was checked: at least 21 bytes of time lie before `finish`. */
    while (finish - digits < 10 && is_digit(digits[-1]))
        digits--;
    if (finish - digits < 1 || finish - digits > 9 || digits[-1] != '.')
        return 0;
    time = digits - 20;
    if (time - p < LENGTH(BEGIN) + LENGTH(OUT_TIME))
        return 0;
    after = time - LENGTH(OUT_TIME);
    if (memcmp(after, OUT_TIME, sizeof OUT_TIME - 1) == 0)
        line->is_stderr = 0;
    else if (memcmp(after, ERR_TIME, sizeof ERR_TIME - 1) == 0)
        line->is_stderr = 1;
    else
        return 0;
    if (!parse_second(time, (Bytes) "Z", 1, second))
        return 0;
    line->nanoseconds = fraction(digits, finish - digits);
    line->content = p + LENGTH(BEGIN);
    line->length = after - line->content;
    line->escaped = memchr(line->content, '\\', (size_t)line->length) != NULL;
    return line->length <= LONGEST;
}

static int is_ascii(Bytes p, Bytes end)
{
    uint64_t bits = 0, word;

    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        bits |= word;
    }
    for (; p < end; p++)
        bits |= (uint64_t)*p << 56; /* only the sign of each byte counts */
    return (bits & UINT64_C(0x8080808080808080)) == 0;
}

static int is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Well-formed UTF-8 as Python and the Unicode standard have it: the shortest form, no surrogates,
 * nothing past U+10FFFF. */
static int is_utf8(Bytes p, Bytes end)
{
    if (is_ascii(p, end))
        return 1;
    while (p < end) {
        unsigned char c = *p;
        Py_ssize_t left = end - p;
        if (c < 0x80) {
            p += 1;
        } else if (c >= 0xC2 && c <= 0xDF) {
            if (left < 2 || !is_tail(p[1]))
                return 0;
            p += 2;
        } else if ((c & 0xF0) == 0xE0) {
            if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]) || (c == 0xE0 && p[1] < 0xA0) ||
                (c == 0xED && p[1] > 0x9F))
                return 0;
            p += 3;
        } else if (c >= 0xF0 && c <= 0xF4) {
            if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]) ||
                (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F))
                return 0;
            p += 4;
        } else {
            return 0;
        }
    }
    return 1;
}

static int four_hex(Bytes p, uint32_t *value)
{
    uint32_t made = 0;
    int at;

    for (at = 0; at < 4; at++) {
        unsigned char c = p[at];
        if (is_digit(c))
            made = made << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            made = made << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return 0;
    }
    *value = made;
    return 1;
}

static unsigned char *put_utf8(unsigned char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (unsigned char)point;
    } else if (point < 0x800) {
        *out++ = (unsigned char)(0xC0 | point >> 6);
        *out++ = (unsigned char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *out++ = (unsigned char)(0xE0 | point >> 12);
        *out++ = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (unsigned char)(0x80 | (point & 0x3F));
    } else {
        *out++ = (unsigned char)(0xF0 | point >> 18);
        *out++ = (unsigned char)(0x80 | (point >> 12 & 0x3F));
        *out++ = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (unsigned char)(0x80 | (point & 0x3F));
    }
    return out;
}

/* The text of a JSON string, never longer than its escaped form. Returns its end, or NULL where it
 * is not one: a quote or a control character that is not escaped, an escape that is unknown or cut,
 * half of a surrogate pair. */
static unsigned char *unescape(Bytes p, Bytes end, unsigned char *out)
{
    while (p < end) {
        uint32_t point, low;
        unsigned char c = *p++;
        if (c == '"' || c < 0x20)
            return NULL;
        if (c != '\\') {
            *out++ = c;
            continue;
        }
        if (p == end)
            return NULL;
        switch (*p++) {
        case '"': *out++ = '"'; break;
        case '\\': *out++ = '\\'; break;
        case '/': *out++ = '/'; break;
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u':
            if (end - p < 4 || !four_hex(p, &point))
                return NULL;
            p += 4;
            if (point >= 0xDC00 && point <= 0xDFFF)
                return NULL;
            if (point >= 0xD800 && point <= 0xDBFF) {
                if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || !four_hex(p + 2, &low) ||
                    low < 0xDC00 || low > 0xDFFF)
                    return NULL;
                p += 6;
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            }
            out = put_utf8(out, point);
            break;
        default: return NULL;
        }
    }
    return out;
}

static unsigned char *put_big_endian(unsigned char *out, uint32_t value)
{
    out[0] = (unsigned char)(value >> 24);
    out[1] = (unsigned char)(value >> 16);
    out[2] = (unsigned char)(value >> 8);
    out[3] = (unsigned char)value;
    return out + 4;
}

static unsigned char *put_header(unsigned char *out, Py_ssize_t length)
{
    if (length < 32) {
        *out++ = (unsigned char)(0xA0 | length);
    } else if (length < 256) {
        *out++ = 0xD9;
        *out++ = (unsigned char)length;
    } else {
        *out++ = 0xDA;
        *out++ = (unsigned char)(length >> 8);
        *out++ = (unsigned char)length;
    }
    return out;
}

typedef struct {
    const char *data;
    Py_ssize_t length;
} Text;

typedef struct {
    unsigned char *payload;
    Py_ssize_t size, records, end;
} Made;

/* The loop. `made->payload` has room for `room` bytes. Touches nothing of Python's. */
static void encode_lines(int format, Bytes data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t room,
                         const Text *head, const Text *tails, Made *made)
{
    unsigned char *out = made->payload, *limit = made->payload + room;
    unsigned char plain[LONGEST];
    Second second = {{0}, 0, 0};
    Line line;

    made->records = 0;
    while (begin < end) {
        Bytes p = data + begin, stop = memchr(p, '\n', (size_t)(end - begin));
        const Text *tail;
        if (stop == NULL)
            break;
        if (!(format == CRI ? parse_cri : parse_docker)(p, stop, &line, &second) ||
            !is_utf8(p, stop))
            break;
        if (line.escaped) {
            unsigned char *finish =
                unescape(line.content, line.content + line.length, plain);
            if (finish == NULL)
                break;
            line.content = plain;
            line.length = finish - plain;
        }
        tail = &tails[line.is_stderr];
        if (limit - out < ENTRY + 8 + head->length + HEADER + line.length + tail->length)
            break;
        memcpy(out, "\x92\xd7\x00", ENTRY);
        out = put_big_endian(out + ENTRY, second.seconds);
        out = put_big_endian(out, line.nanoseconds);
        memcpy(out, head->data, (size_t)head->length);
        out = put_header(out + head->length, line.length);
        memcpy(out, line.content, (size_t)line.length);
        out += line.length;
        memcpy(out, tail->data, (size_t)tail->length);
        out += tail->length;
        made->records++;
        begin = stop + 1 - data;
    }
    made->end = begin;
    made->size = out - made->payload;
}

/* One buffer is kept, so that its pages are not asked of the kernel and cleared for every call. Both
 * functions are called with the GIL held; a call that finds it taken by another thread makes one. */
static struct {
    unsigned char *bytes;
    Py_ssize_t size;
    int taken;
} kept;

static unsigned char *take_buffer(Py_ssize_t size)
{
    unsigned char *made;

    if (kept.taken)
        return malloc(size > 0 ? (size_t)size : 1);
    if (kept.bytes == NULL || kept.size < size) {
        made = realloc(kept.bytes, size > 0 ? (size_t)size : 1);
        if (made == NULL)
            return NULL;
        kept.bytes = made;
        kept.size = size;
    }
    kept.taken = 1;
    return kept.bytes;
}

static void give_back(unsigned char *buffer)
{
    if (buffer == kept.bytes)
        kept.taken = 0;
    else
        free(buffer);
}

static PyObject *encode(PyObject *module, PyObject *args)
{
    int format;
    PyObject *block, *payload;
    char *data;
    Py_ssize_t size, begin, end, room;
    Text head, tails[2];
    Made made;

    (void)module;
    if (!PyArg_ParseTuple(args, "iSnnny#y#y#", &format, &block, &begin, &end, &room, &head.data,
                          &head.length, &tails[0].data, &tails[0].length, &tails[1].data,
                          &tails[1].length))
        return NULL;
    if (PyBytes_AsStringAndSize(block, &data, &size) < 0)
        return NULL;
    if ((format != CRI && format != DOCKER) || begin < 0 || begin > end || end > size || room < 0 ||
        room > MOST_ROOM) {
        PyErr_SetString(PyExc_ValueError, "a format, a part of the block, or a room that cannot be");
        return NULL;
    }
    made.payload = take_buffer(room);
    if (made.payload == NULL)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    encode_lines(format, (Bytes)data, begin, end, room, &head, tails, &made);
    Py_END_ALLOW_THREADS
    payload = PyBytes_FromStringAndSize((const char *)made.payload, made.size);
    give_back(made.payload);
    if (payload == NULL)
        return NULL;
    return Py_BuildValue("(Nnn)", payload, made.records, made.end);
}

static PyMethodDef methods[] = {
    {"encode", encode, METH_VARARGS,
     "encode(format, data, begin, end, room, head, stdout, stderr) -> (payload, records, end)"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_blocks",
    .m_doc = "Lines of a log file to entries of a PackedForward message.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__blocks(void)
{
    return PyModuleDef_Init(&module);
}
