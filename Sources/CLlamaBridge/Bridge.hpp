#pragma once

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

namespace bridge {

/// A copy for the C side, released by `atelier_text_free`.
inline char * copy(const std::string & text) {
    auto * result = static_cast<char *>(std::malloc(text.size() + 1));
    if (result != nullptr) {
        std::memcpy(result, text.c_str(), text.size() + 1);
    }
    return result;
}

/// Runs `body` and turns whatever it throws into `failure` and a message.
template <typename Result, typename Body> Result guarded(char ** error, Result failure, Body && body) {
    try {
        return body();
    } catch (const std::exception & exception) {
        *error = copy(exception.what());
    } catch (...) {
        *error = copy("unknown error");
    }
    return failure;
}

}  // namespace bridge
