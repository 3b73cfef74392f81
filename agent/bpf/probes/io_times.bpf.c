// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Requests to block devices of one container: by device and operation with their times and sizes, by
 * the process that sent them, and by the file they are of.
 *
 * on_file is a program of its own because it follows pointers whose types the verifier does not know:
 * where lockdown=confidentiality forbids that, files alone are missing.
 */
#include "block_types.h"
#include "io_times.h"
#include "log2.bpf.h"

#ifndef BCC
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___flags {
	unsigned int flags;
};

struct page {
	struct address_space *mapping;
};

struct address_space {
	struct inode *host;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct hlist_node;

struct hlist_head {
	struct hlist_node *first;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	struct hlist_head i_dentry;
};

struct hlist_node {
	struct hlist_node *next;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
	union {
		struct hlist_node d_alias;
	} d_u;
};

/* In Linux 7.2. */
struct dentry___flat {
	struct hlist_node d_alias;
};

#pragma clang attribute pop

#define ALIAS (HAS(dentry, d_u) ? OFFSET_OF(struct dentry, d_u.d_alias) : \
				  OFFSET_OF(struct dentry___flat, d_alias))
#elif HAS(dentry, d_u)
#define ALIAS OFFSET_OF(struct dentry, d_u.d_alias)
#else
#define ALIAS OFFSET_OF(struct dentry, d_alias)
#endif

/* PF_KTHREAD, a macro in the kernel and so not in BTF. */
#define KERNEL_THREAD 0x00200000
/* The two lowest bits of page.mapping: not of a file. */
#define NO_FILE 3
/* No page is so near the end of memory, where masks are. */
#define MASKS (1UL << 26)
/* S_IFMT and S_IFBLK, Linux ABI. */
#define FILE_TYPE 0170000
#define BLOCK_DEVICE 0060000
/* TMPFS_MAGIC and HUGETLBFS_MAGIC, Linux ABI. */
#define SHARED_MEMORY 0x01021994
#define HUGE_PAGES 0x958458f6

#define DROPS IO_DROPS
#include "drops.bpf.h"

HASH(targets, __u64, __u32, IO_TARGETS);
HASH(counts, struct io_key, struct io_counts, 1024);
HASH(processes, struct io_process_key, struct io_process, 4096);
HASH(files, struct io_file_key, struct io_file, 4096);
LRU_HASH(senders, __u64, struct io_sender, IO_STARTED_ENTRIES);
LRU_HASH(started, __u64, struct io_started, IO_STARTED_ENTRIES);
LRU_HASH(file_of, __u64, struct io_file_of, IO_STARTED_ENTRIES);
PER_CPU_ARRAY(empty, struct io_counts, 1);

static __always_inline void add(struct io_sum *to, struct io_started *start, __u64 took)
{
	__sync_fetch_and_add(&to->requests, 1);
	__sync_fetch_and_add(&to->ns, took);
	if (start->key.op == BLOCK_IO_READ)
		__sync_fetch_and_add(&to->read, start->bytes);
	else if (start->key.op == BLOCK_IO_WRITE)
		__sync_fetch_and_add(&to->written, start->bytes);
}

static __always_inline void count(struct io_started *start, __u64 took, int error)
{
	__u32 zero = 0, size, bucket = log2_of(took);
	struct io_counts *none = LOOKUP(empty, &zero);
	struct io_counts *to = LOOKUP(counts, &start->key);

	if (!to && none) {
		INSERT(counts, &start->key, none);
		to = LOOKUP(counts, &start->key);
	}
	if (!to) {
		drop(IO_DROP_COUNTS);
		return;
	}
	__sync_fetch_and_add(&to->bytes, start->bytes);
	__sync_fetch_and_add(&to->ns, took);
	if (error)
		__sync_fetch_and_add(&to->errors, 1);
	size = start->bytes > 512 ? log2_of(start->bytes - 1) - 8 : 0;
	if (size >= IO_SIZES)
		size = IO_SIZES - 1;
	__sync_fetch_and_add(&to->sizes[size], 1);
	if (bucket >= IO_BUCKETS)
		bucket = IO_BUCKETS - 1;
	__sync_fetch_and_add(&to->latency[bucket], 1);
}

static __always_inline void count_process(struct io_started *start, __u64 took)
{
	struct io_process_key key = { .cgroup = start->key.cgroup, .pid = start->sender.pid };
	struct io_process first = {};
	struct io_process *to = LOOKUP(processes, &key);

	if (!to) {
		INSERT(processes, &key, &first);
		to = LOOKUP(processes, &key);
	}
	if (!to) {
		drop(IO_DROP_PROCESSES);
		return;
	}
	add(&to->sum, start, took);
	/* Each time: a shell becomes the program it starts. */
	__builtin_memcpy(to->comm, start->sender.comm, sizeof(to->comm));
}

static __always_inline void count_file(struct io_started *start, __u64 took, struct io_file_of *of)
{
	struct io_file_key key = {
		.cgroup = start->key.cgroup,
		.inode = of->inode,
		.device = of->device,
		.of = of->of,
	};
	struct io_file first = {};
	struct io_file *to = LOOKUP(files, &key);

	if (!to) {
		__builtin_memcpy(first.name, of->name, sizeof(first.name));
		INSERT(files, &key, &first);
		to = LOOKUP(files, &key);
	}
	if (to)
		add(&to->sum, start, took);
	else
		drop(IO_DROP_FILES);
}

/* Who sent it is known here alone: a busy device has a thread of the kernel issue the request. */
PROGRAM(block_getrq, on_request)
{
	struct bio *bio = ARGUMENT(struct bio *, 0);
	struct task_struct *task = CURRENT;
	struct io_sender sender = {};
	__u64 address = (__u64)bio;
	__u64 cgroup = cgroup_of_bio(bio);

	if (!LOOKUP(targets, &cgroup))
		return 0;
	if (!(OPTIONAL(task_struct___flags, task, flags, 0) & KERNEL_THREAD)) {
		sender.pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(sender.comm, sizeof(sender.comm));
	}
	UPDATE(senders, &address, &sender);
	return 0;
}

PROGRAM(block_rq_issue, on_issue)
{
	struct request *request = ARGUMENT(struct request *, 0);
	struct bio *bio = READ(request, bio);
	struct io_started start = {};
	struct io_sender *sender;
	__u64 address = (__u64)request, of = (__u64)bio;
	struct block_device *device;
	struct gendisk *disk;

	/* The place is another's now: who was there has ended, and that was not seen. */
	if (!DELETE(started, &address))
		drop(IO_DROP_ENDS);
	if (!bio)
		return 0;
	start.key.cgroup = cgroup_of_bio(bio);
	if (!LOOKUP(targets, &start.key.cgroup))
		return 0;
	device = READ(bio, bi_bdev);
	disk = READ(device, bd_disk);
	device = READ(disk, part0);
	start.key.device = READ(device, bd_dev);
	start.key.op = op_of(request);
	start.bytes = READ(request, __data_len);
	sender = LOOKUP(senders, &of);
	if (sender)
		start.sender = *sender;
	start.at = bpf_ktime_get_ns();
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

/* Several pages may belong together: the first of them knows what they are of. */
static __always_inline struct page *first_of(struct page *page)
{
	unsigned long info = 0;

	/* compound_head, and in Linux 7.2 compound_info. */
	bpf_probe_read_kernel(&info, sizeof(info), (void *)page + sizeof(info));
	if (!(info & 1))
		return page;
	/* Its address with a 1 at its end; in Linux 7.2 also what of this one's address it has. */
	if (info >= -MASKS)
		return (void *)((unsigned long)page & info);
	return (void *)(info - 1);
}

/* Which file a page is of. */
static __always_inline void find_file(struct page *page, struct io_file_of *file)
{
	struct address_space *mapping;
	struct super_block *filesystem;
	unsigned long magic;
	struct inode *inode;
	struct dentry *entry;

	page = first_of(page);
	mapping = FETCH(page, mapping);
	file->of = IO_OF_NONE;
	if (!mapping || (unsigned long)mapping & NO_FILE)
		return;
	inode = FETCH(mapping, host);
	filesystem = FETCH(inode, i_sb);
	magic = FETCH(filesystem, s_magic);
	/* Memory that is read or written directly, or swapped: it has no blocks of its own. */
	if (magic == SHARED_MEMORY || magic == HUGE_PAGES)
		return;
	file->of = IO_OF_DEVICE;
	if ((FETCH(inode, i_mode) & FILE_TYPE) == BLOCK_DEVICE)
		return;
	file->of = IO_OF_FILE;
	file->inode = FETCH(inode, i_ino);
	file->device = FETCH(filesystem, s_dev);
	entry = (void *)FETCH(inode, i_dentry.first);
	if (!entry)
		return;
	entry = (void *)entry - ALIAS;
	/* Through a pointer, since d_name is const here and there. */
	bpf_probe_read_kernel_str(file->name, sizeof(file->name),
				  FETCH((struct qstr *)&entry->d_name, name));
}

PROGRAM(block_rq_issue, on_file)
{
	struct request *request = ARGUMENT(struct request *, 0);
	struct bio *bio = READ(request, bio);
	struct io_file_of file = {};
	__u64 address = (__u64)request;
	struct bio_vec *vector;
	__u64 cgroup;

	if (!bio)
		return 0;
	cgroup = cgroup_of_bio(bio);
	if (!LOOKUP(targets, &cgroup))
		return 0;
	vector = FETCH(bio, bi_io_vec);
	find_file(FETCH(vector, bv_page), &file);
	UPDATE(file_of, &address, &file);
	return 0;
}

/* A request may end in parts: only the last, when nothing is left of it, is its end. */
PROGRAM(block_rq_complete, on_complete)
{
	struct request *request = ARGUMENT(struct request *, 0);
	int error = ARGUMENT(int, 1) & 0xff;
	__u32 ended = ARGUMENT(__u64, 2);
	__u64 address = (__u64)request;
	struct io_started start = {};
	struct io_started *begun;
	struct io_file_of *file;
	__u64 took;

	if (READ(request, __data_len) > ended)
		return 0;
	begun = LOOKUP(started, &address);
	if (!begun)
		return 0;
	start = *begun;
	DELETE(started, &address);
	took = bpf_ktime_get_ns() - start.at;
	count(&start, took, error);
	count_process(&start, took);
	file = LOOKUP(file_of, &address);
	if (!file)
		return 0;
	count_file(&start, took, file);
	DELETE(file_of, &address);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
