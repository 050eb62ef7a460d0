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

char * atelier_schema_to_grammar(const char * schema, char ** error) {
    return bridge::guarded(error, static_cast<char *>(nullptr),
                           [&] { return bridge::copy(json_schema_to_grammar(json::parse(schema), true)); });
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

atelier_grammar * atelier_grammar_clone(const atelier_grammar * grammar, char ** error) {
    return bridge::guarded(error, static_cast<atelier_grammar *>(nullptr), [&] {
        auto * sampler = llama_sampler_clone(grammar->sampler.get());
        if (sampler == nullptr) {
            throw std::invalid_argument("the grammar cannot be copied");
        }
        return new atelier_grammar{ std::unique_ptr<llama_sampler, sampler_deleter>(sampler), grammar->vocab, {} };
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
