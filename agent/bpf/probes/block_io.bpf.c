// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Latency, bytes and errors of requests to block devices, by the cgroup that is charged for them: the
 * bio's, and not the current task's, which for writeback and read-ahead is a kernel thread, and at
 * the end of a request whoever was interrupted.
 */
#include "block_types.h"

#define DROPS BLOCK_IO_DROPS
#include "drops.bpf.h"

HASH(counts, struct block_io_key, struct block_io_counts, 1024);
LRU_HASH(started, __u64, struct block_io_started, BLOCK_IO_STARTED_ENTRIES);

PROGRAM(block_rq_issue, on_issue)
{
	struct request *request = ARGUMENT(struct request *, 0);
	struct bio *bio = READ(request, bio);
	struct block_io_started start = {};
	__u64 address = (__u64)request;

	if (bio)
		start.key.cgroup = cgroup_of_bio(bio);
	if (!start.key.cgroup) {
		/* The place is another's now: who was there has ended, and that was not seen. */
		if (!DELETE(started, &address))
			drop(BLOCK_IO_ENDS);
		return 0;
	}
	start.key.op = op_of(request);
	start.bytes = READ(request, __data_len);
	start.at = bpf_ktime_get_ns();
	if (!INSERT(started, &address, &start))
		return 0;
	drop(BLOCK_IO_ENDS);
	UPDATE(started, &address, &start);
	return 0;
}

/* The device had no room: the request will be sent again. */
PROGRAM(block_rq_requeue, on_requeue)
{
	__u64 address = (__u64)ARGUMENT(struct request *, 0);

	DELETE(started, &address);
	return 0;
}

/* A request may end in parts: only the last, when nothing is left of it, is its end. */
PROGRAM(block_rq_complete, on_complete)
{
	struct request *request = ARGUMENT(struct request *, 0);
	int error = ARGUMENT(int, 1) & 0xff;
	__u32 ended = ARGUMENT(__u64, 2);
	__u64 address = (__u64)request;
	struct block_io_started start = {};
	struct block_io_started *begun;
	struct bio *bio;
	struct block_io_counts none = {};
	struct block_io_counts *to;
	__u64 took;

	if (READ(request, __data_len) > ended)
		return 0;
	begun = LOOKUP(started, &address);
	if (!begun) {
		bio = READ(request, bio);
		/*
		 * What belongs to nobody was not noted. With no bytes: a write the device has to flush
		 * behind ends a second time, after the flush.
		 */
		if (ended && bio && cgroup_of_bio(bio))
			drop(BLOCK_IO_UNMATCHED);
		return 0;
	}
	start = *begun;
	DELETE(started, &address);
	took = bpf_ktime_get_ns() - start.at;
	to = LOOKUP(counts, &start.key);
	if (!to) {
		INSERT(counts, &start.key, &none);
		to = LOOKUP(counts, &start.key);
	}
	if (!to) {
		drop(BLOCK_IO_FULL);
		return 0;
	}
	__sync_fetch_and_add(&to->bytes, start.bytes);
	if (error)
		__sync_fetch_and_add(&to->errors, 1);
	add_duration(&to->latency, took);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
