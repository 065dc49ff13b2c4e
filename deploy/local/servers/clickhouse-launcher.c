/* Runs the ClickHouse server that lives in libchdb.so: calls the library's clickhouse-local with
 * our arguments. CHDB_LIBRARY names the library.
 *
 * clickhouse-local installs an error handler (class KillingErrorHandler) that ends the process when
 * an exception leaves a connection's thread. That suits a command, not a server whose clients are
 * killed in the middle of a request. Before the library runs, its three handling methods are
 * replaced by one that does nothing. The class is not exported, so its virtual table is found
 * through its type information: "19KillingErrorHandler" <- type information {table, name} <-
 * virtual table {type, 2 destructors, 3 methods}
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kMaxSegments = 32, kFirstMethod = 3, kMethods = 3 };

struct Segment {
  uintptr_t begin, end;
  int writable;
};

struct Library {
  struct Segment segments[kMaxSegments];
  int count;
};

/* What query_stable_v2() returns. */
struct LocalResult {
  char* buffer;
  size_t length;
  void* owner;
  double elapsed_s;
  unsigned long rows_read, bytes_read;
  char* error_message;
};

static void IgnoreException(void* self) {
  (void)self;
}

/* Notes the data segments of libchdb.so. */
static int CollectSegments(struct dl_phdr_info* info, size_t size, void* argument) {
  struct Library* library = argument;
  (void)size;
  if (!info->dlpi_name || !strstr(info->dlpi_name, "libchdb")) return 0;
  for (int i = 0; i < info->dlpi_phnum && library->count < kMaxSegments; i++) {
    const ElfW(Phdr)* header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || (header->p_flags & PF_X)) continue;
    struct Segment* segment = &library->segments[library->count++];
    segment->begin = info->dlpi_addr + header->p_vaddr;
    segment->end = segment->begin + header->p_filesz;
    segment->writable = (header->p_flags & PF_W) != 0;
  }
  return 1;
}

/* The first word in the writable segments (relocated tables are there) that equals `value`, or
 * null. */
static uintptr_t* FindWord(const struct Library* library, uintptr_t value) {
  for (int i = 0; i < library->count; i++) {
    const struct Segment* segment = &library->segments[i];
    if (!segment->writable) continue;
    uintptr_t* word = (uintptr_t*)((segment->begin + sizeof *word - 1) & ~(sizeof *word - 1));
    for (; (uintptr_t)(word + 1) <= segment->end; word++) {
      if (*word == value) return word;
    }
  }
  return NULL;
}

/* The class name in its mangled form, or null. It stands between two zero bytes. */
static const char* FindClassName(const struct Library* library) {
  static const char pattern[] =
      "\0"
      "19KillingErrorHandler";
  const char* name = NULL;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < library->count && !name; i++) {
    const struct Segment* segment = &library->segments[i];
    if (segment->writable) continue;
    const char* found =
        memmem((void*)segment->begin, segment->end - segment->begin, pattern, sizeof pattern);
    if (found) name = found + 1;
    /* Searching made the segment resident: give the clean pages back. */
    uintptr_t begin = (segment->begin + page - 1) & ~(page - 1), end = segment->end & ~(page - 1);
    if (end > begin) madvise((void*)begin, end - begin, MADV_DONTNEED);
  }
  return name;
}

/* Returns null, or why the handler could not be replaced. */
static const char* CalmErrorHandler(void) {
  struct Library library = {.count = 0};
  dl_iterate_phdr(CollectSegments, &library);
  const char* name = FindClassName(&library);
  if (!name) return "class name not found";
  uintptr_t* name_word = FindWord(&library, (uintptr_t)name);
  if (!name_word) return "type information not found";
  uintptr_t* table = FindWord(&library, (uintptr_t)(name_word - 1));
  if (!table || table[-1] != 0) return "virtual table not found";
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t begin = (uintptr_t)(table + kFirstMethod) & ~(page - 1);
  uintptr_t end = ((uintptr_t)(table + kFirstMethod + kMethods) + page - 1) & ~(page - 1);
  if (mprotect((void*)begin, end - begin, PROT_READ | PROT_WRITE))
    return "memory protection refused";
  for (int i = 0; i < kMethods; i++) table[kFirstMethod + i] = (uintptr_t)IgnoreException;
  mprotect((void*)begin, end - begin, PROT_READ);
  return NULL;
}

int main(int argc, char** argv) {
  const char* path = getenv("CHDB_LIBRARY");
  void* library = dlopen(path ? path : "libchdb.so", RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    fprintf(stderr, "cannot load the ClickHouse library: %s\n", dlerror());
    return 1;
  }
  struct LocalResult* (*run)(int, char**);
  *(void**)&run = dlsym(library, "query_stable_v2");
  if (!run) {
    fprintf(stderr, "the library has no function query_stable_v2: is it another version?\n");
    return 1;
  }
  const char* fault = CalmErrorHandler();
  if (fault)
    fprintf(stderr, "warning: %s: an exception in a connection may end this server\n", fault);
  struct LocalResult* result = run(argc, argv);
  if (result && result->error_message) fprintf(stderr, "%s\n", result->error_message);
  return result && !result->error_message ? 0 : 2;
}
