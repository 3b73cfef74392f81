/* Lines of a log file to entries of a PackedForward message: what blocks.py does, faster.
 *
 * encode(format, data, begin, end, room, head, stdout, stderr) -> (payload, records, end)
 *
 *   format   0 CRI, 1 Docker's json-file
 *   data     bytes or bytearray; data[begin:end] are whole lines, newlines included
 *   room     bytes of payload at most
 *   head     what is between an entry's time and the header of its content
 *   stdout, stderr   what follows the content of an entry of that stream
 *
 * Stops at the first line that is not of the usual shape (blocks.py says which are), or that has no
 * room any more, and returns where that line begins. blocks.py holds the same in Python;
 * tests/exporters/fluentd/test_blocks.py asserts that both give the same bytes for any input.
 *
 * The GIL is released while `data` is read: it cannot be resized or freed meanwhile, and whoever
 * writes to a bytearray then gets nonsense for it, within its bounds. Only the limited API of Python 3.11 is used: one binary serves all later versions.
 */

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include "_lines.h"

#include <stdlib.h>

enum { CRI, DOCKER };

#define ENTRY 3 /* 92 D7 00: an array of two, and an EventTime of eight bytes */

static unsigned char *put_big_endian(unsigned char *out, uint32_t value)
{
    out[0] = (unsigned char)(value >> 24);
    out[1] = (unsigned char)(value >> 16);
    out[2] = (unsigned char)(value >> 8);
    out[3] = (unsigned char)value;
    return out + 4;
}

static Py_ssize_t header_length(Py_ssize_t length)
{
    return length < 32 ? 1 : length < 256 ? 2 : 3;
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

/* Lines are looked at so many bytes at a time for whether all of them are ASCII, as most are: a look
 * at each line by itself costs twice as much. They stay in the processor's first cache for what is
 * done with them next. */
#define WINDOW (16 * 1024)

typedef struct {
    Bytes end; /* of what was looked at last */
    int ascii;
} Window;

static int is_text(Bytes p, Bytes stop, Bytes end, Window *window)
{
    if (stop > window->end) {
        window->end = end - p > WINDOW ? p + WINDOW : end;
        if (window->end < stop)
            window->end = stop;
        window->ascii = is_ascii(p, window->end);
    }
    return window->ascii || is_utf8(p, stop);
}

typedef struct {
    Py_ssize_t size;    /* bytes written */
    Py_ssize_t records; /* one for each line */
    Py_ssize_t end;     /* in the data, after the last line */
} Written;

/* `out` has `room` bytes. */
static Written write_entries(int format, Bytes data, Py_ssize_t begin, Py_ssize_t end,
                             Py_ssize_t room, const Text *head, const Text *tails,
                             unsigned char *out)
{
    unsigned char unescaped[LONGEST];
    Second second = {{0}, 0, 0};
    Window window = {data + begin, 1};
    Written written = {0, 0, begin};
    Py_ssize_t fixed = ENTRY + 8 + head->length;

    while (written.end < end) {
        Bytes p = data + written.end, stop = memchr(p, '\n', (size_t)(end - written.end));
        const Text *tail;
        Py_ssize_t size;
        Line line;
        if (stop == NULL)
            break;
        if (!(format == CRI ? parse_cri : parse_docker)(p, stop, &line, &second) ||
            !is_text(p, stop, data + end, &window))
            break;
        if (line.escaped) {
            Bytes finish = unescape(line.content, line.content + line.length, unescaped);
            if (finish == NULL)
                break;
            line.content = unescaped;
            line.length = finish - unescaped;
        }
        tail = &tails[line.is_stderr];
        size = fixed + header_length(line.length) + line.length + tail->length;
        if (size > room - written.size)
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
        written.size += size;
        written.records++;
        written.end = stop + 1 - data;
    }
    return written;
}

/* Bytes that the entries of `length` bytes of lines have at most. */
static Py_ssize_t most(Py_ssize_t length, const Text *head, const Text *tails)
{
    Py_ssize_t tail = tails[0].length > tails[1].length ? tails[0].length : tails[1].length;

    return length + (length / SHORTEST + 1) * (ENTRY + 8 + head->length + 3 + tail);
}

/* One is kept, so that it stays in the processor's cache: what is written there and then copied as a
 * whole costs less than what is written in pieces to where nothing was for long. Both functions are
 * called with the GIL held; a call that finds it taken by another thread makes one. */
static struct {
    unsigned char *bytes;
    Py_ssize_t room;
    int taken;
} kept;

static unsigned char *take_scratch(Py_ssize_t room)
{
    size_t size = room > 0 ? (size_t)room : 1; /* NULL is for want of memory alone */

    if (kept.taken)
        return malloc(size);
    if (kept.bytes == NULL || kept.room < room) {
        free(kept.bytes);
        kept.bytes = malloc(size);
        kept.room = kept.bytes == NULL ? 0 : room;
    }
    kept.taken = kept.bytes != NULL;
    return kept.bytes;
}

static void give_back(unsigned char *scratch)
{
    if (scratch == kept.bytes)
        kept.taken = 0;
    else
        free(scratch);
}

static PyObject *encode(PyObject *module, PyObject *args)
{
    int format;
    PyObject *payload;
    Py_buffer block;
    Py_ssize_t begin, end, room, enough;
    Text head, tails[2];
    Written written;
    unsigned char *scratch;

    (void)module;
    if (!PyArg_ParseTuple(args, "iy*nnny#y#y#", &format, &block, &begin, &end, &room, &head.data,
                          &head.length, &tails[0].data, &tails[0].length, &tails[1].data,
                          &tails[1].length))
        return NULL;
    if ((format != CRI && format != DOCKER) || begin < 0 || begin > end || end > block.len ||
        room < 0) {
        PyErr_SetString(PyExc_ValueError, "a format, a part of the block, or a room that cannot be");
        PyBuffer_Release(&block);
        return NULL;
    }
    enough = most(end - begin, &head, tails);
    if (room > enough)
        room = enough;
    scratch = take_scratch(room);
    if (scratch == NULL) {
        PyBuffer_Release(&block);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    written = write_entries(format, (Bytes)block.buf, begin, end, room, &head, tails, scratch);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&block);
    payload = PyBytes_FromStringAndSize((const char *)scratch, written.size);
    give_back(scratch);
    if (payload == NULL)
        return NULL;
    return Py_BuildValue("(Nnn)", payload, written.records, written.end);
}

static PyMethodDef methods[] = {
    {"encode", encode, METH_VARARGS,
     "encode(format, data, begin, end, room, head, stdout, stderr) -> (payload, records, end)"},
    {NULL, NULL, 0, NULL},
};

/* As in blocks.py: another number is another contract between the two. */
static int add_contract(PyObject *self)
{
    return PyModule_AddIntConstant(self, "CONTRACT", 2);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_contract}, {0, NULL}};

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
