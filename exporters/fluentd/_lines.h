/* One line of a log file: when it was written, to which stream, and where its content is. For
 * _blocks.c alone. blocks.py says which lines are usual; nothing here knows of entries, nor of Python.
 */

#include <Python.h> /* Py_ssize_t */

#include <stdint.h>
#include <string.h>

typedef const unsigned char *Bytes;

#define LONGEST 17000 /* bytes of content: headers.py, LONGEST */
#define SHORTEST 33   /* bytes of a usual line: CRI's, with one digit, no content, and its newline */

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
    uint32_t nanoseconds;
    uint8_t is_stderr, escaped;
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
    uint64_t bits = 0, word, words[8];
    int at;

    /* Eight at once: compilers make two or four wide instructions of that. */
    for (; end - p >= 64; p += 64) {
        memcpy(words, p, 64);
        for (at = 0; at < 8; at++)
            bits |= words[at];
    }
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
