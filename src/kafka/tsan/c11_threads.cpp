// For ThreadSanitizer builds only. librdkafka makes its threads and locks by C11's <threads.h>, which the sanitizer
// does not intercept: it then meets threads it has never heard of and stops, and it would not see what the locks order.
// Here the same functions go through pthread, which it does intercept. glibc defines the types to be alike.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));
static_assert(sizeof(thrd_t) == sizeof(pthread_t) && sizeof(once_flag) == sizeof(pthread_once_t));

namespace {

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* given) {
  const Start start = *static_cast<Start*>(given);
  delete static_cast<Start*>(given);
  return reinterpret_cast<void*>(std::intptr_t{start.function(start.argument)});  // NOLINT(performance-no-int-to-ptr)
}

int thrd_result(int error) { return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : thrd_error; }
pthread_mutex_t* mutex(mtx_t* m) { return reinterpret_cast<pthread_mutex_t*>(m); }
pthread_cond_t* condition(cnd_t* c) { return reinterpret_cast<pthread_cond_t*>(c); }

}  // namespace

extern "C" {

// What librdkafka shares it counts by atomics, which its uninstrumented code cannot show: the last owner's free() looks
// like a race with the others' reading.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer asks for it by this name
const char* __tsan_default_suppressions() { return "race:librdkafka.so\n"; }

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  return thrd_result(pthread_create(thread, nullptr, &run, new Start{function, argument}));
}
int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return thrd_result(error);
}
int mtx_init(mtx_t* m, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(mutex(m), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return thrd_result(error);
}
void mtx_destroy(mtx_t* m) { pthread_mutex_destroy(mutex(m)); }
int mtx_lock(mtx_t* m) { return thrd_result(pthread_mutex_lock(mutex(m))); }
int mtx_unlock(mtx_t* m) { return thrd_result(pthread_mutex_unlock(mutex(m))); }
int cnd_init(cnd_t* c) { return thrd_result(pthread_cond_init(condition(c), nullptr)); }
void cnd_destroy(cnd_t* c) { pthread_cond_destroy(condition(c)); }
int cnd_signal(cnd_t* c) { return thrd_result(pthread_cond_signal(condition(c))); }
int cnd_broadcast(cnd_t* c) { return thrd_result(pthread_cond_broadcast(condition(c))); }
int cnd_wait(cnd_t* c, mtx_t* m) { return thrd_result(pthread_cond_wait(condition(c), mutex(m))); }
int cnd_timedwait(cnd_t* c, mtx_t* m, const timespec* until) {
  return thrd_result(pthread_cond_timedwait(condition(c), mutex(m), until));
}
void call_once(once_flag* flag, void (*function)()) { pthread_once(reinterpret_cast<pthread_once_t*>(flag), function); }

}  // extern "C"
