#include "Budget.hpp"

#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>

namespace {

/// A step of the interpreter allocates some thirty times: a million of them.
constexpr std::uint64_t max_allocations = 32'000'000;
/// Of the processor's time, so that a busy machine does not make templates fail.
constexpr std::int64_t max_nanoseconds = 2'000'000'000;
constexpr std::size_t max_live_bytes   = std::size_t(256) << 20;
/// What recursion that allocates, such as a macro's that calls itself, may take of the stack.
constexpr std::size_t max_stack_bytes  = std::size_t(16) << 20;
constexpr std::size_t deep_stack_bytes = std::size_t(256) << 20;
constexpr int         max_brackets     = 500;
/// Between one refusal and the next.
constexpr int         grace_allocations = 2'000;
constexpr std::size_t max_grace_bytes   = 4096;
/// Whoever asks for so much works long with it.
constexpr std::size_t large_bytes       = 64 << 10;

struct State {
    bool          is_active      = false;
    bool          is_exceeded    = false;
    int           grace          = 0;
    std::uint64_t allocations    = 0;
    std::size_t   live           = 0;
    std::int64_t  deadline       = 0;
    std::uintptr_t lowest_address = 0;
};

thread_local State state;

std::int64_t thread_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void take(std::size_t size) {
    const char here = 0;
    state.allocations++;
    if (!state.is_exceeded) {
        state.is_exceeded = state.allocations > max_allocations || size > max_live_bytes ||
                            state.live + size > max_live_bytes ||
                            reinterpret_cast<std::uintptr_t>(&here) < state.lowest_address ||
                            ((state.allocations % 256 == 0 || size > large_bytes) && thread_time() > state.deadline);
    }
    if (!state.is_exceeded) {
        return;
    }
    // Whoever cleans up after the throw allocates too, a little, and a destructor that throws ends the process.
    if (state.grace > 0 && size <= max_grace_bytes) {
        state.grace--;
    } else if (std::uncaught_exceptions() == 0) {
        state.grace = grace_allocations;
        throw std::bad_alloc();
    }
}

}  // namespace

bridge::Budget::Budget() : is_outermost(!state.is_active) {
    if (is_outermost) {
        state                = State{};
        const auto here      = reinterpret_cast<std::uintptr_t>(this);
        state.lowest_address = here > max_stack_bytes ? here - max_stack_bytes : 0;
        state.deadline       = thread_time() + max_nanoseconds;
        state.is_active      = true;
    }
}

bridge::Budget::~Budget() {
    if (is_outermost) {
        state.is_active = false;
    }
}

bool bridge::Budget::is_exceeded() const {
    return state.is_exceeded;
}

bool bridge::on_deep_stack(const std::function<void()> & body) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_t  thread{};
    const auto run = [](void * context) -> void * {
        (*static_cast<const std::function<void()> *>(context))();
        return nullptr;
    };
    const bool made = pthread_attr_setstacksize(&attributes, deep_stack_bytes) == 0 &&
                      pthread_create(&thread, &attributes, run, const_cast<std::function<void()> *>(&body)) == 0;
    pthread_attr_destroy(&attributes);
    return made && pthread_join(thread, nullptr) == 0;
}

bool bridge::is_reasonable(const char * source) {
    int depth = 0;
    for (std::size_t index = 0; source[index] != '\0'; index++) {
        switch (source[index]) {
            case '(':
            case '[':
            case '{':
                depth++;
                break;
            case ')':
            case ']':
            case '}':
                depth = depth > 0 ? depth - 1 : 0;
                break;
            default:
                break;
        }
        if (index >= max_source_bytes || depth > max_brackets) {
            return false;
        }
    }
    return true;
}

// The program's own `operator new` and `operator delete`; the forms for arrays and those that do not throw come to these.

void * operator new(std::size_t size) {
    const bool counts = state.is_active;
    if (__builtin_expect(counts, false)) {
        take(size);
    }
    void * memory = nullptr;
    while ((memory = std::malloc(size == 0 ? 1 : size)) == nullptr) {
        const auto handler = std::get_new_handler();
        if (handler == nullptr) {
            throw std::bad_alloc();
        }
        handler();
    }
    if (__builtin_expect(counts, false)) {
        state.live += malloc_usable_size(memory);
    }
    return memory;
}

void operator delete(void * memory) noexcept {
    if (__builtin_expect(state.is_active, false) && memory != nullptr) {
        const auto size = malloc_usable_size(memory);
        state.live -= size < state.live ? size : state.live;
    }
    std::free(memory);
}

void operator delete(void * memory, std::size_t) noexcept {
    operator delete(memory);
}
