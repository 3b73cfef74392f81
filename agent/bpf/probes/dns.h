/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the dns probe counts, and the layout userspace reads: stated here once.
 *
 * Map "dns":      hash, __u64 cgroup id -> struct dns_counts, which only rise.
 * Map "waiting":  hash, struct dns_question -> struct dns_asked: no answer yet.
 * Map "timeouts": hash, __u64 cgroup id -> __u64, which only rises. Userspace removes from "waiting"
 *                 what is too old, and counts it here.
 * Map "drops":    per-CPU array of __u64, by enum dns_drop: what was lost because a map was full.
 */
#ifndef DNS_H
#define DNS_H

#include "durations.h"

#define DNS_MAX_CGROUPS 4096
#define DNS_MAX_WAITING 8192
#define DNS_PORT 53
#define DNS_CODES 16

enum dns_drop {
	DNS_DROPPED_COUNT = 0,		/* "dns" */
	DNS_DROPPED_QUESTION = 1,	/* "waiting": a query whose answer will not be counted */
	DNS_DROPS = 2,
};

struct dns_question {
	__u64 socket;		/* the kernel's cookie of it, never used twice */
	__u32 id;		/* of the message, as in the packet */
	__u32 zero;
};

struct dns_asked {
	__u64 cgroup;
	__u64 began_ns;		/* CLOCK_MONOTONIC */
};

struct dns_counts {
	__u64 queries;		/* by UDP to port 53 */
	__u64 retries;		/* the same socket and id again, before an answer */
	__u64 responses[DNS_CODES];	/* to one of these, by rcode */
	struct durations latency;	/* from the first query to its answer */
};

#endif
