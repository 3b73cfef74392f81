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

/* Two passes: the first reads lines and finds how long their entries are, the second writes them
 * into a bytes object of just that length. So no byte is copied twice. */

#define MOST_LINES 4096 /* of one call */

typedef struct {
    Line lines[MOST_LINES];
    Py_ssize_t count;
    Py_ssize_t size;          /* of their entries */
    Py_ssize_t end;           /* in the data, after the last line */
    unsigned char *unescaped; /* contents that are not in the data as they are; may be NULL */
    Py_ssize_t used;          /* bytes of it */
} Found;

/* Bytes of `unescaped`. One line always fits; a call ends where the next one might not. */
#define MOST_UNESCAPED (256 * 1024)

/* The text of an escaped line, kept in `unescaped`. 0: it has none, or there is no room for it. */
static int keep_unescaped(Line *line, Found *found)
{
    unsigned char *begin, *finish;

    if (found->unescaped == NULL)
        found->unescaped = malloc(MOST_UNESCAPED);
    if (found->unescaped == NULL || line->length > MOST_UNESCAPED - found->used)
        return 0;
    begin = found->unescaped + found->used;
    finish = unescape(line->content, line->content + line->length, begin);
    if (finish == NULL)
        return 0;
    line->content = begin;
    line->length = finish - begin;
    found->used += line->length;
    return 1;
}

static void find_lines(int format, Bytes data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t room,
                       const Text *head, const Text *tails, Found *found)
{
    Second second = {{0}, 0, 0};
    Py_ssize_t fixed = ENTRY + 8 + head->length;

    found->count = found->size = found->used = 0;
    while (begin < end && found->count < MOST_LINES) {
        Bytes p = data + begin, stop = memchr(p, '\n', (size_t)(end - begin));
        Line *line = &found->lines[found->count];
        Py_ssize_t size;
        if (stop == NULL)
            break;
        if (!(format == CRI ? parse_cri : parse_docker)(p, stop, line, &second) ||
            !is_utf8(p, stop))
            break;
        if (line->escaped && !keep_unescaped(line, found))
            break;
        line->seconds = second.seconds;
        size = fixed + header_length(line->length) + line->length + tails[line->is_stderr].length;
        if (size > room - found->size)
            break;
        found->size += size;
        found->count++;
        begin = stop + 1 - data;
    }
    found->end = begin;
}

static void write_entries(const Found *found, const Text *head, const Text *tails,
                          unsigned char *out)
{
    Py_ssize_t at;

    for (at = 0; at < found->count; at++) {
        const Line *line = &found->lines[at];
        const Text *tail = &tails[line->is_stderr];
        memcpy(out, "\x92\xd7\x00", ENTRY);
        out = put_big_endian(out + ENTRY, line->seconds);
        out = put_big_endian(out, line->nanoseconds);
        memcpy(out, head->data, (size_t)head->length);
        out = put_header(out + head->length, line->length);
        memcpy(out, line->content, (size_t)line->length);
        out += line->length;
        memcpy(out, tail->data, (size_t)tail->length);
        out += tail->length;
    }
}

/* One is kept, so that its pages are not asked of the kernel and cleared for every call. Both
 * functions are called with the GIL held; a call that finds it taken by another thread makes one. */
static struct {
    Found *found;
    int taken;
} kept;

static Found *take_found(void)
{
    Found *made;

    if (kept.found != NULL && !kept.taken) {
        kept.taken = 1;
        return kept.found;
    }
    made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    made->unescaped = NULL;
    if (kept.found == NULL) {
        kept.found = made;
        kept.taken = 1;
    }
    return made;
}

static void give_back(Found *found)
{
    if (found == kept.found) {
        kept.taken = 0;
    } else {
        free(found->unescaped);
        free(found);
    }
}

static PyObject *encode(PyObject *module, PyObject *args)
{
    int format;
    PyObject *payload;
    Py_buffer block;
    Py_ssize_t begin, end, room, count, finish;
    Text head, tails[2];
    Found *found;

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
    found = take_found();
    if (found == NULL) {
        PyBuffer_Release(&block);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    find_lines(format, (Bytes)block.buf, begin, end, room, &head, tails, found);
    Py_END_ALLOW_THREADS
    count = found->count;
    finish = found->end;
    payload = PyBytes_FromStringAndSize(NULL, found->size);
    if (payload != NULL) {
        /* Nobody else has it yet. */
        unsigned char *out = (unsigned char *)PyBytes_AsString(payload);
        Py_BEGIN_ALLOW_THREADS
        write_entries(found, &head, tails, out);
        Py_END_ALLOW_THREADS
    }
    give_back(found);
    PyBuffer_Release(&block);
    if (payload == NULL)
        return NULL;
    return Py_BuildValue("(Nnn)", payload, count, finish);
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
