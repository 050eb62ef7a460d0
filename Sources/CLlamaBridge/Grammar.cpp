#include "Bridge.hpp"
#include "CLlamaBridge.h"

#include <json-schema-to-grammar.h>
#include <llama.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using json = common_json;

struct sampler_deleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};

struct atelier_grammar {
    std::unique_ptr<llama_sampler, sampler_deleter> sampler;
    const llama_vocab *                             vocab;
    /// Reused, so that masking allocates no list of the vocabulary each time.
    std::vector<llama_token_data>                   candidates;

    /// Leaves -infinity where a candidate is refused.
    void apply(llama_token_data * data, size_t count) const {
        llama_token_data_array array = { data, count, -1, false };
        llama_sampler_apply(sampler.get(), &array);
    }
};

namespace {

/// A character of a GBNF character class, always escaped.
std::string class_escape(unsigned char character) {
    static const char digits[] = "0123456789ABCDEF";
    return std::string("\\x") + digits[character >> 4] + digits[character & 15];
}

/// GBNF for any text without `end`, by one alternative per length of a common prefix:
/// [^a] | "a" [^b] | "ab" [^c].
std::string text_without(const std::string & end) {
    std::string alternatives;
    for (size_t length = 0; length < end.size(); ++length) {
        if (length > 0) {
            alternatives += " | " + gbnf_format_literal(end.substr(0, length)) + " ";
        }
        alternatives += "[^" + class_escape(static_cast<unsigned char>(end[length])) + "]";
    }
    return "(" + alternatives + ")*";
}

}  // namespace

char * atelier_schema_to_grammar(const char * schema, const char * thinking_start, const char * thinking_end,
                                 bool thinking_open, char ** error) {
    return bridge::guarded(error, static_cast<char *>(nullptr), [&] {
        const json        document = json::parse(schema);
        const std::string start    = thinking_start;
        const std::string end      = thinking_end;
        if (start.empty() || end.empty()) {
            return bridge::copy(json_schema_to_grammar(document, true));
        }
        const auto tree = common_chat_schema_from_json(document);
        return bridge::copy(build_grammar([&](const common_grammar_builder & builder) {
            const auto answer = builder.add_schema("answer", *tree.root);
            const auto rest   = text_without(end) + " " + gbnf_format_literal(end) + " [ \\t\\n]{0,4}";
            const auto block  = builder.add_rule(
                "thinking", thinking_open ? rest : "(" + gbnf_format_literal(start) + " " + rest + ")?");
            builder.add_rule("root", block + " " + answer);
        }));
    });
}

atelier_grammar * atelier_grammar_create(const llama_vocab * vocab, const char * grammar,
                                         const char * const * trigger_patterns, size_t pattern_count,
                                         const int32_t * trigger_tokens, size_t token_count, char ** error) {
    return bridge::guarded(error, static_cast<atelier_grammar *>(nullptr), [&] {
        const bool lazy    = pattern_count > 0 || token_count > 0;
        auto *     sampler = lazy ? llama_sampler_init_grammar_lazy_patterns(
                                    vocab, grammar, "root", const_cast<const char **>(trigger_patterns), pattern_count,
                                    trigger_tokens, token_count)
                                  : llama_sampler_init_grammar(vocab, grammar, "root");
        if (sampler == nullptr) {
            throw std::invalid_argument("the grammar does not compile");
        }
        return new atelier_grammar{ std::unique_ptr<llama_sampler, sampler_deleter>(sampler), vocab, {} };
    });
}

void atelier_grammar_free(atelier_grammar * grammar) {
    delete grammar;
}

bool atelier_grammar_allows(atelier_grammar * grammar, int32_t token) {
    try {
        llama_token_data candidate = { token, 0.0f, 0.0f };
        grammar->apply(&candidate, 1);
        return candidate.logit == 0.0f;
    } catch (...) {
        return false;
    }
}

void atelier_grammar_mask(atelier_grammar * grammar, float * logits, int32_t count) {
    try {
        auto & candidates = grammar->candidates;
        candidates.clear();
        candidates.reserve(count);
        for (int32_t token = 0; token < count; ++token) {
            if (logits[token] != -INFINITY) {
                candidates.push_back({ token, 0.0f, 0.0f });
            }
        }
        grammar->apply(candidates.data(), candidates.size());
        for (const auto & candidate : candidates) {
            if (candidate.logit != 0.0f) {
                logits[candidate.id] = -INFINITY;
            }
        }
    } catch (...) {
        // Out of memory: the winner is checked again by `allows` before it is accepted.
    }
}

bool atelier_grammar_accept(atelier_grammar * grammar, int32_t token) {
    try {
        // llama.cpp aborts the process when end of text comes where the grammar does not allow it.
        if (llama_vocab_is_eog(grammar->vocab, token)) {
            return atelier_grammar_allows(grammar, token);
        }
        llama_sampler_accept(grammar->sampler.get(), token);
        return true;
    } catch (...) {
        return false;
    }
}
