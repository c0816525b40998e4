// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_sparse: an example of on-demand paging. A process that may pin nothing registers more memory
 * than the machine has, has a device read and write all over it, and changes its memory under the
 * region as if there was none: drops half of it, and puts a file where other pieces were.
 *
 *	rxe_sparse [-iu] [-d DEVICE] [-g GID_INDEX] [-s GIB] [-n PLACES] [-r SEED]
 *
 * With -i the region is the whole address space, of which the memory is a part ("implicit"). With
 * -u page faults and invalidations are not looked at: for devices that do not count them.
 *
 * The "near" end of each transfer is at the start of the memory. The "far" ends are PLACES pieces
 * of it, of odd lengths at odd offsets, each somewhere in a slice of its own. Every byte is a
 * function of the seed, of its position in the memory, and of the stream that it belongs to, so
 * that no byte of another place, step or time passes for it.
 *
 * Exit status: 0 if all was as told, 1 if not, 77 if the device has no on-demand paging.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ends.h"
#include "pattern.h"

#define GIB		(1ULL << 30)
#define PAGE		4096ULL
#define MAX_LEN		(32 * 1024)	/* of a place */
#define EDGE		61		/* bytes on both sides of a transfer, not to be changed */
#define NEAR_AT		(PAGE - 1)	/* the near end's place, but for its length */

#define REMOTE		(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | \
			 IBV_ACCESS_REMOTE_ATOMIC)
#define RIGHTS		(IBV_ACCESS_LOCAL_WRITE | REMOTE)

enum stream_id { ZEROS, AROUND, WRITTEN, BY_CPU, OF_FILE, TO_FILE };

struct place {
	u64 off;	/* from the start of the memory */
	unsigned int len;
};

static const char *device;
static int gid_index = 1;
static u64 size = 64 * GIB, seed = 1;
static unsigned int nplaces = 1000;
static int implicit, uncounted;

static struct ends ends;
static struct ibv_mr *mr;
static uint8_t *memory;
static struct place *places;
static u64 slice;
static u64 faults_before, invalidations_before;

/* What the kernel tells of this process, in KiB: "VmRSS" and the like. */
static u64 status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	u64 value = 0;
	int found = 0;

	need(file, "/proc/self/status: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, name, strlen(name)) &&
			sscanf(line + strlen(name), ": %llu kB", &value) == 1;
	fclose(file);
	need(found, "/proc/self/status has no %s", name);
	return value;
}

/* A counter of the device. The kernel asks the driver anew after 10 ms only. */
static u64 counter(const char *name)
{
	char path[256];
	FILE *file;
	u64 value;

	if (uncounted)
		return 0;
	usleep(20000);
	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/1/hw_counters/%s", ends.device,
		 name);
	file = fopen(path, "r");
	need(file && fscanf(file, "%llu", &value) == 1, "cannot read %s", path);
	fclose(file);
	return value;
}

static u64 faults(void)
{
	return counter("odp_page_faults") - faults_before;
}

static u64 invalidations(void)
{
	return counter("odp_page_invalidations") - invalidations_before;
}

static void fill(void *at, size_t len, enum stream_id stream, u64 pos)
{
	pattern_fill(at, len, seed * 16 + stream, pos);
}

/* The bytes at @at must be those of @stream from @pos on. */
static void want(const uint8_t *at, size_t len, enum stream_id stream, u64 pos, const char *what)
{
	struct pattern_bad bad = { 0 };

	if (stream == ZEROS)
		while (bad.off < len && !at[bad.off])
			bad.off++;
	if (stream == ZEROS ? bad.off == len :
	    !pattern_check(at, len, seed * 16 + stream, pos, &bad))
		return;
	die("%s: byte %zu of %zu at %#llx is 0x%02x, expected 0x%02x", what, bad.off, len, pos,
	    at[bad.off], bad.want);
}

/* No privileges and no locked memory: root would be exempt from the limit. */
static void become_nobody(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	struct rlimit nothing = { 0, 0 };

	need(!setrlimit(RLIMIT_MEMLOCK, &nothing), "setrlimit: %s", strerror(errno));
	need(!syscall(SYS_capset, &head, none), "capset: %s", strerror(errno));
	printf("process     no privileges, RLIMIT_MEMLOCK 0; the machine has %.1f GiB of memory\n",
	       (double)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / GIB);
}

/* On-demand paging is a capability of the device, for each transport and operation. */
static void need_capable(void)
{
	uint32_t ops = IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC;
	uint64_t general = IBV_ODP_SUPPORT | (implicit ? IBV_ODP_SUPPORT_IMPLICIT : 0);
	struct ibv_device_attr_ex attr;

	need(!ibv_query_device_ex(ends.ctx, NULL, &attr), "ibv_query_device_ex failed");
	if ((attr.odp_caps.general_caps & general) == general &&
	    (attr.odp_caps.per_transport_caps.rc_odp_caps & ops) == ops)
		return;
	printf("unsupported %s has no %s on-demand paging for RC\n", ends.device,
	       implicit ? "implicit" : "explicit");
	exit(77);
}

/* Address space without memory behind it: pages come when they are first touched. */
static void map_memory(void)
{
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(memory != MAP_FAILED, "mmap of %llu GiB: %s; is vm.overcommit_memory 2?", size / GIB,
	     strerror(errno));
	/* A huge page for each place would be more than there is. EINVAL: no huge pages here. */
	need(!madvise(memory, size, MADV_NOHUGEPAGE) || errno == EINVAL, "madvise: %s",
	     strerror(errno));
}

/* In random order. Slice 0 is the near end's; slices have room for what is beside a place, too. */
static void choose_places(void)
{
	unsigned int i, j;
	struct place p;

	places = calloc(nplaces, sizeof(*places));
	slice = size / (nplaces + 1) & ~(PAGE - 1);
	need(places && slice > 8 * PAGE + 2 * MAX_LEN, "too many places for the size");
	for (i = 0; i < nplaces; i++) {
		p.len = (pattern_word(seed, 3 * i) % MAX_LEN) | 1;
		p.off = slice * (i + 1) + PAGE;
		p.off += pattern_word(seed, 3 * i + 1) % (slice - MAX_LEN - 6 * PAGE) | 1;
		j = pattern_word(seed, 3 * i + 2) % (i + 1);
		places[i] = places[j];
		places[j] = p;
	}
}

static u64 pages_of(const struct place *p)
{
	return (p->off + p->len - 1) / PAGE - p->off / PAGE + 1;
}

/* The control: under this limit nothing can be pinned. */
static void pinned_is_refused(void)
{
	struct ibv_mr *pinned = ibv_reg_mr(ends.pd, memory, 65536, RIGHTS);

	need(!pinned, "64 KiB could be pinned: the limit is not in force");
	/* EPERM where the limit is 0, ENOMEM where it is too low. */
	need(errno == EPERM || errno == ENOMEM, "ibv_reg_mr of 64 KiB: %s", strerror(errno));
	printf("pinned      registering as little as 64 KiB fails: %s\n", strerror(errno));
}

static void register_memory(void)
{
	u64 rss = status_kib("VmRSS");
	long long more;
	double us = seconds();

	/* All that a program does for on-demand paging is in these lines. */
	if (implicit)
		mr = ibv_reg_mr(ends.pd, NULL, SIZE_MAX, RIGHTS | IBV_ACCESS_ON_DEMAND);
	else
		mr = ibv_reg_mr(ends.pd, memory, size, RIGHTS | IBV_ACCESS_ON_DEMAND);
	us = (seconds() - us) * 1e6;
	need(mr, "ibv_reg_mr on demand: %s", strerror(errno));
	more = status_kib("VmRSS") - rss;
	need(more < 1024 && !faults(), "registering took %lld KiB, %llu pages", more, faults());
	printf("registered  %llu GiB%s, on demand, in %.0f us: no page faults, %lld KiB resident\n",
	       size / GIB, implicit ? " and every other address" : "", us, more);
}

static void rdma(enum ibv_wr_opcode opcode, const struct place *p)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)memory + NEAR_AT,
		.length = p->len,
		.lkey = mr->lkey,
	};
	struct ibv_send_wr wr = {
		.opcode = opcode,
		.wr.rdma = { .remote_addr = (uintptr_t)memory + p->off, .rkey = mr->rkey },
	};

	ends_post(&ends, &wr, &sge);
}

static void rdma_write(const struct place *p, enum stream_id stream)
{
	fill(memory + NEAR_AT, p->len, stream, p->off);
	rdma(IBV_WR_RDMA_WRITE, p);
}

/* READ must bring bytes of @stream, and leave alone what is around them. */
static void rdma_read(const struct place *p, enum stream_id stream, const char *what)
{
	u64 end = NEAR_AT + p->len;

	fill(memory + NEAR_AT - EDGE, EDGE + p->len + EDGE, AROUND, NEAR_AT - EDGE);
	rdma(IBV_WR_RDMA_READ, p);
	want(memory + NEAR_AT, p->len, stream, p->off, what);
	want(memory + NEAR_AT - EDGE, EDGE, AROUND, NEAR_AT - EDGE, "before what READ brought");
	want(memory + end, EDGE, AROUND, end, "after what READ brought");
}

/* All WRITEs are done before the CPU looks: the device is the first to touch these pages. */
static void try_write_and_read(void)
{
	u64 pages = 0, bytes = 0, n;
	unsigned int i;

	for (i = 0; i < nplaces; i++) {
		rdma_write(&places[i], WRITTEN);
		pages += pages_of(&places[i]);
		bytes += places[i].len;
	}
	n = faults();
	need(uncounted || n >= pages, "%llu page faults for %llu pages", n, pages);
	for (i = 0; i < nplaces; i++) {
		const struct place *p = &places[i];

		want(memory + p->off, p->len, WRITTEN, p->off, "what WRITE left");
		want(memory + p->off - EDGE, EDGE, ZEROS, p->off - EDGE, "before a WRITE");
		want(memory + p->off + p->len, EDGE, ZEROS, p->off + p->len, "after a WRITE");
	}
	for (i = 0; i < nplaces; i++)
		rdma_read(&places[i], WRITTEN, "what READ brought");
	printf("traffic     WRITE to %u places, %.1f MiB, and READ: all right; %llu page faults\n",
	       nplaces, bytes / 1048576.0, n);
}

/* Returns what was there. */
static u64 fetch_add(u64 off, u64 add)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)memory + NEAR_AT,
		.length = sizeof(u64),
		.lkey = mr->lkey,
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
		.wr.atomic = {
			.remote_addr = (uintptr_t)memory + off,
			.compare_add = add,
			.rkey = mr->rkey,
		},
	};
	u64 old;

	ends_post(&ends, &wr, &sge);
	memcpy(&old, memory + NEAR_AT, sizeof(old));
	return old;
}

/* On words in pages that nobody has touched. */
static void try_atomics(void)
{
	u64 off, add, first, second, sum;
	unsigned int i;

	for (i = 0; i < nplaces; i += 8) {
		off = (places[i].off + places[i].len + 2 * PAGE) & ~7ULL;
		add = pattern_word(seed, off);
		first = fetch_add(off, add);
		second = fetch_add(off, add);
		memcpy(&sum, memory + off, sizeof(sum));
		need(!first && second == add && sum == 2 * add,
		     "FETCH AND ADD of %#llx at %#llx: %#llx, %#llx, in the end %#llx", add, off,
		     first, second, sum);
	}
	printf("atomics     FETCH AND ADD, twice, to %u words: right\n", (nplaces + 7) / 8);
}

/* READ everywhere: what WRITE left in places below @border, bytes of @stream in the others. */
static void read_both_sides(u64 border, enum stream_id stream, const char *what)
{
	unsigned int i;

	for (i = 0; i < nplaces; i++)
		rdma_read(&places[i], places[i].off < border ? WRITTEN : stream, what);
}

/* Half of the memory goes back to the kernel. The region stays, and shows what is there now. */
static void try_drop(void)
{
	u64 border = slice * (nplaces / 2 + 1), pages = 0, before, after, n;
	unsigned int i;

	for (i = 0; i < nplaces; i++)
		pages += places[i].off < border ? 0 : pages_of(&places[i]);
	before = status_kib("VmRSS");
	need(!madvise(memory + border, size - border, MADV_DONTNEED), "madvise: %s",
	     strerror(errno));
	after = status_kib("VmRSS");
	n = invalidations();
	need(uncounted || n >= pages, "%llu invalidations for %llu pages", n, pages);
	need(after + pages * PAGE / 1024 / 2 < before,
	     "%llu pages dropped: %llu KiB resident before, %llu after", pages, before, after);
	read_both_sides(border, ZEROS, "READ of dropped memory");
	for (i = 0; i < nplaces; i++)
		if (places[i].off >= border)
			fill(memory + places[i].off, places[i].len, BY_CPU, places[i].off);
	read_both_sides(border, BY_CPU, "READ of what the CPU put into dropped memory");
	printf("dropped     %.0f GiB by MADV_DONTNEED: %.1f MiB resident before, %.1f after;\n",
	       (size - border) / (double)GIB, before / 1024.0, after / 1024.0);
	printf("            %llu pages invalidated; READ sees zeros, then what the CPU writes\n",
	       n);
}

/* The pages of a place, mapped anew: now they are a file's, at the same offset. */
static void put_file_at(int fd, const struct place *p)
{
	u64 start = p->off & ~(PAGE - 1), len = pages_of(p) * PAGE;
	uint8_t bytes[MAX_LEN];
	void *at;

	fill(bytes, p->len, OF_FILE, p->off);
	need(pwrite(fd, bytes, p->len, p->off) == (ssize_t)p->len, "pwrite: %s", strerror(errno));
	need(!munmap(memory + start, len), "munmap: %s", strerror(errno));
	at = mmap(memory + start, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
		  start);
	need(at == memory + start, "mmap of a file: %s", strerror(errno));
}

static void try_replace(void)
{
	int fd = memfd_create("rxe_sparse", MFD_CLOEXEC);
	uint8_t bytes[MAX_LEN];
	unsigned int i;

	need(fd >= 0 && !ftruncate(fd, size), "memfd: %s", strerror(errno));
	for (i = 0; i < nplaces; i += 16)
		put_file_at(fd, &places[i]);
	for (i = 0; i < nplaces; i += 16)
		rdma_read(&places[i], OF_FILE, "READ of a file mapped instead");
	for (i = 0; i < nplaces; i += 16) {
		const struct place *p = &places[i];

		rdma_write(p, TO_FILE);
		need(pread(fd, bytes, p->len, p->off) == (ssize_t)p->len, "pread: %s",
		     strerror(errno));
		want(bytes, p->len, TO_FILE, p->off, "the file behind a WRITE");
	}
	close(fd);
	printf("replaced    %u pieces by mmap of a file: READ sees it, what is written is in it\n",
	       (nplaces + 15) / 16);
}

static void sum_up(void)
{
	u64 rss = status_kib("VmRSS"), pin = status_kib("VmPin"), lock = status_kib("VmLck");

	need(!pin && !lock, "VmPin %llu kB, VmLck %llu kB", pin, lock);
	need(rss < size / 1024 / 16, "VmRSS %llu kB", rss);
	printf("in the end  %llu faults, %llu invalidations; VmSize %.1f GiB, VmRSS %.1f MiB;\n",
	       faults(), invalidations(), status_kib("VmSize") / 1048576.0, rss / 1024.0);
	printf("            nothing is pinned or locked: VmPin %llu, VmLck %llu\n", pin, lock);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "iud:g:s:n:r:")) != -1) {
		if (c == 'i')
			implicit = 1;
		else if (c == 'u')
			uncounted = 1;
		else if (c == 'd')
			device = optarg;
		else if (c == 'g')
			gid_index = atoi(optarg);
		else if (c == 's')
			size = strtoull(optarg, NULL, 0) * GIB;
		else if (c == 'n')
			nplaces = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			seed = strtoull(optarg, NULL, 0);
		else
			exit(2);
	}
	need(optind == argc && size && nplaces, "nothing to do: see the start of sparse.c");
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	options(argc, argv);
	become_nobody();
	ends_open(&ends, device);
	need_capable();
	faults_before = counter("odp_page_faults");
	invalidations_before = counter("odp_page_invalidations");
	map_memory();
	choose_places();
	pinned_is_refused();
	register_memory();
	ends_connect(&ends, gid_index, REMOTE);
	try_write_and_read();
	try_atomics();
	try_drop();
	try_replace();
	sum_up();
	need(!ibv_dereg_mr(mr), "ibv_dereg_mr: %s", strerror(errno));
	ends_close(&ends);
	return 0;
}
