#pragma once

#include <cstddef>
#include <functional>

namespace bridge {

/// What code that a model file brought along (its chat template) may use up on this thread while the object lives: time,
/// memory, stack, and steps. Templates run in llama.cpp's own interpreter, which knows no limits; but it cannot do anything
/// without allocating memory, so the limits are kept in `operator new`, which throws `std::bad_alloc` past them, at
/// intervals until the object goes. Objects nest: the outermost counts.
class Budget {
  public:
    Budget();
    ~Budget();
    Budget(const Budget &)             = delete;
    Budget & operator=(const Budget &) = delete;

    /// Some limit was passed.
    bool is_exceeded() const;

  private:
    bool is_outermost;
};

/// Runs the body on a thread of its own with a stack that is deep enough for whatever nesting a source of `max_source_bytes`
/// can hold: the interpreter recurses over expressions, also when it frees them, without allocating on the way down. False
/// when there was no such thread; then the body was not run. It must not throw.
bool on_deep_stack(const std::function<void()> & body);

/// Bytes of a template at most. The longest in use are a quarter of that.
constexpr std::size_t max_source_bytes = 128 << 10;

/// Whether the source is short enough and its brackets are not nested too deeply.
bool is_reasonable(const char * source);

/// Bytes of a rendered prompt at most.
constexpr std::size_t max_prompt_bytes = 8 << 20;

/// Said in errors of what exceeded its budget.
constexpr const char * budget_exceeded = "the template takes too much time or memory";

}  // namespace bridge
