// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Hits and misses of the page cache, by the cgroup of the task that reads.
 *
 * No tracepoint tells a hit. But a task that reads has the pages it misses put into the cache, and those
 * after them, and then says which it asked for: a page that it asks for and has put there itself was
 * missed, now or a moment ago, when it was read ahead. A page that is added and then made dirty by the
 * same task was not read from anywhere, but written.
 */
#include "portable.h"
#include "page_cache.h"

#define DROPS 1
#include "drops.bpf.h"

#ifndef BCC
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
	long long i_size;
};

struct address_space {
	struct inode *host;
};

struct folio {
	struct address_space *mapping;
	unsigned long index;
	unsigned long _flags_1;
};

struct folio___order {
	unsigned char _folio_order;
};

struct folio___plain {
	unsigned long flags;
};

typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct folio___typed {
	memdesc_flags_t flags;
};

#pragma clang attribute pop

enum pageflags {
	PG_head = 6,
};

#define BIT_OF(flag) __builtin_preserve_enum_value(*(enum pageflags *)flag, 1 /* VALUE */)
#else
#define BIT_OF(flag) flag
#endif

HASH(cache, __u64, struct page_cache_counts, 1024);
LRU_HASH(doing, __u32, struct page_cache_doing, PAGE_CACHE_DOING_ENTRIES);
ARRAY(shift, __u64, 1);

static __always_inline struct page_cache_counts *mine(void)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	struct page_cache_counts *to = LOOKUP(cache, &cgroup);
	struct page_cache_counts none = {};

	if (!to) {
		INSERT(cache, &cgroup, &none);
		to = LOOKUP(cache, &cgroup);
	}
	if (!to)
		drop(0);
	return to;
}

static __always_inline struct page_cache_doing *what_it_does(void)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct page_cache_doing *doing_now = LOOKUP(doing, &thread);
	struct page_cache_doing nothing = {};

	if (!doing_now) {
		UPDATE(doing, &thread, &nothing);
		doing_now = LOOKUP(doing, &thread);
	}
	return doing_now;
}

static __always_inline __u64 flags_of(struct folio *folio)
{
	__u64 flags = 0;

#ifdef BCC
	/* The first word, whatever it is called. */
	bpf_probe_read_kernel(&flags, sizeof(flags), folio);
#else
	if (field_exists(((struct folio___typed *)0)->flags.f))
		flags = READ((struct folio___typed *)folio, flags.f);
	else
		flags = READ((struct folio___plain *)folio, flags);
#endif
	return flags;
}

/* How many pages it is. Its order stands in another field before Linux 6.6. */
static __always_inline __u64 pages_of(struct folio *folio)
{
	__u64 order;

	if (!(flags_of(folio) >> BIT_OF(PG_head) & 1))
		return 1;
	if (HAS(folio___order, _folio_order))
		order = OPTIONAL(folio___order, folio, _folio_order, 0);
	else
		order = READ(folio, _flags_1) & 0xff;
	return 1ULL << (order & 31);
}

/* What was added last was read: nobody has written it since. */
static __always_inline void settle(struct page_cache_doing *now)
{
	if (!now->folio)
		return;
	now->folio = 0;
	if (now->read_in != now->mapping || now->to != now->index) {
		now->read_in = now->mapping;
		now->from = now->index;
	}
	now->to = now->index + now->pages;
}

PROGRAM(mm_filemap_add_to_page_cache, on_add)
{
	struct folio *folio = ARGUMENT(struct folio *, 0);
	struct page_cache_doing *now = what_it_does();
	struct page_cache_counts *to = mine();
	__u64 pages = pages_of(folio);

	if (!to || !now)
		return 0;
	__sync_fetch_and_add(&to->added, pages);
	settle(now);
	now->folio = (__u64)folio;
	now->mapping = (__u64)READ(folio, mapping);
	now->index = READ(folio, index);
	now->pages = pages;
	return 0;
}

PROGRAM(writeback_dirty_folio, on_dirty)
{
	__u64 folio = ARGUMENT(__u64, 0);
	__u32 thread = bpf_get_current_pid_tgid();
	struct page_cache_doing *now = LOOKUP(doing, &thread);
	struct page_cache_counts *to;

	if (!now || now->folio != folio)
		return 0;
	now->folio = 0;
	to = mine();
	if (to)
		__sync_fetch_and_add(&to->created, now->pages);
	return 0;
}

/* A long read is answered in parts: each says from where on to the same end. */
PROGRAM(mm_filemap_get_pages, on_read)
{
	struct address_space *mapping = ARGUMENT(struct address_space *, 0);
	__u64 of = (__u64)mapping, at = ARGUMENT(__u64, 1), last = ARGUMENT(__u64, 2);
	struct page_cache_doing *now = what_it_does();
	struct page_cache_counts *to = mine();
	struct inode *inode = READ(mapping, host);
	__u64 size = READ(inode, i_size), first, after;
	__u32 zero = 0;
	__u64 *page = LOOKUP(shift, &zero);

	if (!to || !now || !page || !size)
		return 0;
	if (last > (size - 1) >> (*page & 63))
		last = (size - 1) >> (*page & 63);
	if (at > last)
		return 0;
	settle(now);
	if (now->asked_of != of || now->last != last || at <= now->at)
		__sync_fetch_and_add(&to->asked, last - at + 1);
	now->asked_of = of;
	now->last = last;
	now->at = at;
	if (now->read_in != of)
		return 0;
	first = at > now->from ? at : now->from;
	after = last + 1 < now->to ? last + 1 : now->to;
	if (first >= after)
		return 0;
	now->from = after;
	__sync_fetch_and_add(&to->missed, after - first);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
