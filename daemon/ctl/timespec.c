// SPDX-License-Identifier: MIT
/* Parses the times that users of journalctl know: libsystemd exports no parser for them. */
#include "ctl/timespec.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USEC_PER_MIN  (60 * UW_USEC_PER_S)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)
#define SECONDS_MAX   UINT64_C(253402300799) /* the end of the year 9999 */

static const struct unit {
	const char *names; /* each between spaces */
	uint64_t us;
} units[] = {
	{ " us usec microsecond microseconds ", 1 },
	{ " ms msec millisecond milliseconds ", 1000 },
	{ " s sec second seconds ", UW_USEC_PER_S },
	{ " m min minute minutes ", USEC_PER_MIN },
	{ " h hr hour hours ", USEC_PER_HOUR },
	{ " d day days ", USEC_PER_DAY },
	{ " w week weeks ", 7 * USEC_PER_DAY },
	{ " M month months ", 2629800 * UW_USEC_PER_S },
	{ " y year years ", 31557600 * UW_USEC_PER_S },
};

static const char *skip_spaces(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* Reads 1 to `digits` digits; NULL where there is none. */
static const char *number(const char *s, unsigned int digits, uint64_t *ret)
{
	const char *start = s;

	*ret = 0;
	while (isdigit((unsigned char)*s) && s < start + digits)
		*ret = *ret * 10 + (uint64_t)(*s++ - '0');
	return s > start && !isdigit((unsigned char)*s) ? s : NULL;
}

static const struct unit *find_unit(const char *name, size_t len)
{
	char word[16];

	if (len == 0 || len + 3 > sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), " %.*s ", (int)len, name);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strstr(units[i].names, word))
			return &units[i];
	return NULL;
}

/* "1h 30min" up to the end, or to " ago", which is said in *ret_ago. */
static int parse_span(const char *s, uint64_t *ret_us, bool *ret_ago)
{
	uint64_t sum = 0, n, us;
	bool any = false;

	for (;; any = true) {
		const struct unit *unit;
		size_t len;

		s = skip_spaces(s);
		*ret_ago = !strcmp(s, "ago");
		if (any && (!*s || *ret_ago))
			break;
		s = number(s, 12, &n);
		if (!s)
			return -EINVAL;
		s = skip_spaces(s);
		for (len = 0; isalpha((unsigned char)s[len]); len++)
			;
		unit = find_unit(s, len);
		if (!unit || __builtin_mul_overflow(n, unit->us, &us) ||
		    __builtin_add_overflow(sum, us, &sum))
			return -EINVAL;
		s += len;
	}
	*ret_us = sum;
	return 0;
}

static int parse_relative(const char *text, uint64_t now_us, uint64_t *ret_us)
{
	bool signed_one = *text == '-' || *text == '+', ago;
	uint64_t span;
	int r;

	r = parse_span(text + signed_one, &span, &ago);
	/* "5min" alone is ambiguous; "-5min ago" says it twice. */
	if (r < 0 || signed_one == ago)
		return -EINVAL;
	if (*text == '+') {
		if (span > SECONDS_MAX * UW_USEC_PER_S - now_us)
			return -EINVAL;
		*ret_us = now_us + span;
	} else {
		*ret_us = span < now_us ? now_us - span : 0;
	}
	return 0;
}

static struct tm broken_down(uint64_t us)
{
	time_t s = (time_t)(us / UW_USEC_PER_S);
	struct tm tm = { 0 };

	localtime_r(&s, &tm);
	return tm;
}

static int to_usec(struct tm *tm, bool utc, uint64_t *ret_us)
{
	struct tm wanted = *tm;
	time_t s;

	tm->tm_isdst = -1;
	s = utc ? timegm(tm) : mktime(tm);
	/* Both would turn 31 April into 1 May. */
	if (s < 0 || (uint64_t)s > SECONDS_MAX || tm->tm_mday != wanted.tm_mday ||
	    tm->tm_mon != wanted.tm_mon)
		return -EINVAL;
	*ret_us = (uint64_t)s * UW_USEC_PER_S;
	return 0;
}

/* YYYY-MM-DD; NULL where it is none. */
static const char *parse_date(const char *s, struct tm *tm)
{
	uint64_t year, month, day;

	s = number(s, 4, &year);
	if (!s || *s++ != '-')
		return NULL;
	s = number(s, 2, &month);
	if (!s || *s++ != '-')
		return NULL;
	s = number(s, 2, &day);
	if (!s || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return NULL;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = (int)month - 1;
	tm->tm_mday = (int)day;
	return s;
}

static const char *parse_fraction(const char *s, uint64_t *ret_us)
{
	uint64_t us = 0, weight = UW_USEC_PER_S / 10;

	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++, weight /= 10)
		us += (uint64_t)(*s - '0') * weight;
	*ret_us = us;
	return s;
}

/* HH:MM[:SS[.fraction]]; NULL where it is none. */
static const char *parse_clock(const char *s, struct tm *tm, uint64_t *ret_us)
{
	uint64_t hour, minute, second = 0;

	s = number(s, 2, &hour);
	if (!s || *s++ != ':')
		return NULL;
	s = number(s, 2, &minute);
	if (s && *s == ':') {
		s = number(s + 1, 2, &second);
		if (s && *s == '.')
			s = parse_fraction(s + 1, ret_us);
	}
	if (!s || hour > 23 || minute > 59 || second > 59)
		return NULL;
	tm->tm_hour = (int)hour;
	tm->tm_min = (int)minute;
	tm->tm_sec = (int)second;
	return s;
}

static int parse_absolute(const char *s, uint64_t now_us, uint64_t *ret_us)
{
	struct tm tm = broken_down(now_us);
	const char *date = parse_date(s, &tm);
	uint64_t us = 0, start;
	bool utc;
	int r;

	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (date) {
		s = *date == 'T' ? date + 1 : skip_spaces(date);
		if (isdigit((unsigned char)*s))
			s = parse_clock(s, &tm, &us);
		else
			s = *date == 'T' ? NULL : date;
	} else {
		s = parse_clock(s, &tm, &us);
	}
	if (!s)
		return -EINVAL;
	s = skip_spaces(s);
	utc = !strcmp(s, "UTC");
	if (*s && !utc)
		return -EINVAL;
	r = to_usec(&tm, utc, &start);
	if (r == 0)
		*ret_us = start + us;
	return r;
}

/* Midnight `days` days from now. mktime(3) knows days of 23 and 25 hours. */
static int midnight(uint64_t now_us, int days, uint64_t *ret_us)
{
	struct tm tm = broken_down(now_us);
	time_t s;

	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	s = mktime(&tm);
	if (s < 0)
		return -EINVAL;
	*ret_us = (uint64_t)s * UW_USEC_PER_S;
	return 0;
}

int uw_timespec_parse(const char *text, uint64_t now_us, uint64_t *ret_us)
{
	uint64_t n;
	const char *end;

	if (!strcmp(text, "now")) {
		*ret_us = now_us;
		return 0;
	}
	if (!strcmp(text, "today"))
		return midnight(now_us, 0, ret_us);
	if (!strcmp(text, "yesterday"))
		return midnight(now_us, -1, ret_us);
	if (!strcmp(text, "tomorrow"))
		return midnight(now_us, 1, ret_us);
	if (*text == '@') {
		end = number(text + 1, 12, &n);
		if (!end || *end || n > SECONDS_MAX)
			return -EINVAL;
		*ret_us = n * UW_USEC_PER_S;
		return 0;
	}
	if (parse_absolute(text, now_us, ret_us) == 0)
		return 0;
	return parse_relative(text, now_us, ret_us);
}

void uw_timespec_add(struct uw_buf *buf, uint64_t us)
{
	struct tm tm = broken_down(us);
	char text[64];

	if (strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %Z", &tm))
		uw_buf_puts(buf, text);
}

void uw_timespec_add_time(struct uw_buf *buf, uint64_t us, uint64_t day_us)
{
	struct tm tm = broken_down(us), day = broken_down(day_us);
	bool same = tm.tm_year == day.tm_year && tm.tm_yday == day.tm_yday;
	char text[64];

	if (strftime(text, sizeof(text), same ? "%H:%M:%S" : "%a %Y-%m-%d %H:%M:%S", &tm))
		uw_buf_puts(buf, text);
}

void uw_timespec_add_hour(struct uw_buf *buf, uint64_t us)
{
	struct tm tm = broken_down(us);
	char text[32];

	if (strftime(text, sizeof(text), "%Y-%m-%d %Hh", &tm))
		uw_buf_puts(buf, text);
}

void uw_timespec_add_utc(struct uw_buf *buf, uint64_t ns)
{
	time_t s = (time_t)(ns / (1000 * UW_USEC_PER_S));
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	uw_buf_printf(buf, "\"%s.%09" PRIu64 "Z\"", text, ns % (1000 * UW_USEC_PER_S));
}

void uw_timespec_add_span(struct uw_buf *buf, uint64_t us)
{
	uint64_t s = us / UW_USEC_PER_S;

	if (s < 60)
		uw_buf_printf(buf, "%" PRIu64 "s", s);
	else if (s < 3600)
		uw_buf_printf(buf, "%" PRIu64 "min %" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		uw_buf_printf(buf, "%" PRIu64 "h %" PRIu64 "min", s / 3600, s % 3600 / 60);
	else
		uw_buf_printf(buf, "%" PRIu64 " day%s %" PRIu64 "h", s / 86400,
			      s / 86400 == 1 ? "" : "s", s % 86400 / 3600);
}

uint64_t uw_timespec_hour(uint64_t us)
{
	struct tm tm = broken_down(us);
	uint64_t into_hour = (uint64_t)tm.tm_min * USEC_PER_MIN +
			     (uint64_t)tm.tm_sec * UW_USEC_PER_S + us % UW_USEC_PER_S;

	return us - into_hour;
}
