/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the io_times probe counts of each request to a block device, for `agent trace --io`: only of the
 * cgroups in "targets".
 *
 * Map "targets":   hash, __u64 cgroup -> __u32, of whom requests are counted.
 * Map "counts":    hash, struct io_key -> struct io_counts.
 * Map "processes": hash, struct io_process_key -> struct io_process.
 * Map "files":     hash, struct io_file_key -> struct io_file.
 * Map "senders":   LRU hash, address of a bio -> struct io_sender, who asked for a request for it.
 * Map "started":   LRU hash, address of a request -> struct io_started, while it is under way.
 * Map "file_of":   LRU hash, address of a request -> struct io_file_of, likewise.
 * Map "empty":     per-CPU array of one struct io_counts, all 0.
 * Map "drops":     per-CPU array of __u64, by enum io_drop.
 */
#ifndef IO_TIMES_H
#define IO_TIMES_H

#include "block_io.h"

#define IO_STARTED_ENTRIES 8192
#define IO_TARGETS 1024

#define IO_BUCKETS 36		/* bucket i: 2^i <= ns < 2^(i+1); the last: above too */
#define IO_SIZES 16		/* slot i: up to 512 << i bytes; the last: above too */
#define IO_COMM 16
#define IO_NAME 48

enum io_of {
	IO_OF_FILE,
	IO_OF_NONE,		/* direct I/O, swap */
	IO_OF_DEVICE,		/* of the device itself: what a filesystem keeps of its own */
};

enum io_drop {
	IO_DROP_COUNTS,		/* "counts" was full */
	IO_DROP_PROCESSES,
	IO_DROP_FILES,
	IO_DROP_ENDS,		/* a request was sent and its end never seen */
	IO_DROPS,
};

struct io_key {
	__u64 cgroup;		/* of the bio, in the hierarchy of the io controller (v1: blkio) */
	__u32 device;		/* major << 20 | minor, of the whole disk */
	__u32 op;		/* enum block_io_op */
};

struct io_counts {
	__u64 bytes;
	__u64 errors;
	__u64 ns;		/* from being sent to the device to the end, all together */
	__u64 sizes[IO_SIZES];
	__u64 latency[IO_BUCKETS];
};

struct io_process_key {
	__u64 cgroup;
	__u32 pid;		/* 0: a thread of the kernel, for whoever is charged */
	__u32 zero;
};

struct io_file_key {
	__u64 cgroup;
	__u64 inode;		/* 0 where it is of no file */
	__u32 device;		/* of the filesystem, as stat(2)'s st_dev but major << 20 | minor */
	__u32 of;		/* enum io_of */
};

struct io_sum {
	__u64 requests;
	__u64 read;		/* bytes */
	__u64 written;
	__u64 ns;
};

struct io_process {
	struct io_sum sum;
	char comm[IO_COMM];
};

struct io_file {
	struct io_sum sum;
	char name[IO_NAME];	/* the last part of its path, "" where it has none */
};

struct io_sender {
	__u32 pid;
	char comm[IO_COMM];
};

struct io_started {
	struct io_key key;
	__u64 at;		/* bpf_ktime_get_ns */
	__u32 bytes;
	struct io_sender sender;
};

struct io_file_of {
	__u64 inode;
	__u32 device;
	__u32 of;
	char name[IO_NAME];
};

_Static_assert(sizeof(struct io_key) == 16, "io_key has no padding");
_Static_assert(sizeof(struct io_process_key) == 16, "io_process_key has no padding");
_Static_assert(sizeof(struct io_file_key) == 24, "io_file_key has no padding");

#endif
