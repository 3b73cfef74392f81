/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What read(2) and its kin ask of the page cache, and what is put into it. Pages of the machine's size.
 *
 * Map "cache":  hash, __u64 cgroup -> struct page_cache_counts.
 * Map "doing":  LRU hash, __u32 thread -> struct page_cache_doing.
 * Map "shift":  array of one __u64: a page is 1 << shift bytes.
 * Map "drops":  per-CPU array of one __u64: "cache" was full.
 */
#ifndef PAGE_CACHE_H
#define PAGE_CACHE_H

#define PAGE_CACHE_DOING_ENTRIES 8192

struct page_cache_counts {
	__u64 asked;		/* pages that reads asked for, within the file */
	__u64 missed;		/* of these, those the same task had put into the cache, and not asked for yet */
	__u64 added;		/* put into the cache, for whatever */
	__u64 created;		/* of these, by writing: not read from anywhere */
};

struct page_cache_doing {
	/* What was added last, and may yet turn out to be written. */
	__u64 folio;
	__u64 mapping;
	__u64 index;
	__u64 pages;
	/* Pages that were read into the cache, side by side, and that no read asked for yet. */
	__u64 read_in;		/* their mapping */
	__u64 from;
	__u64 to;		/* the page after the last */
	/* The last read. */
	__u64 asked_of;		/* its mapping */
	__u64 at;		/* its first page that is not answered yet */
	__u64 last;		/* its last page */
};

#endif
