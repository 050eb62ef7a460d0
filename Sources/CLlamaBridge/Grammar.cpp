#include "Bridge.hpp"
#include "CLlamaBridge.h"

#include <json-schema-to-grammar.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using json = common_json;

struct sampler_deleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};

/// A vocabulary by first characters. A token can only be allowed where its first character is, so masking asks for the
/// characters first and leaves out the tokens that begin with another: where the format has few continuations, which is
/// where masking happens, that is nearly the whole vocabulary.
struct first_characters {
    static constexpr int ascii = 128;

    /// The token that is just this character; -1: there is none, and nothing can be said about the character.
    std::array<int32_t, ascii>              alone;
    std::array<std::vector<int32_t>, ascii> tokens;
    /// Special tokens, which a grammar may name, and what begins with a character beyond ASCII or with a part of one.
    std::vector<int32_t>                    others;

    explicit first_characters(const llama_vocab * vocab) {
        alone.fill(-1);
        std::array<char, 256> piece;
        const int32_t         count = llama_vocab_n_tokens(vocab);
        for (int32_t token = 0; token < count; ++token) {
            const int32_t length = llama_token_to_piece(vocab, token, piece.data(), piece.size(), 0, true);
            const auto    first  = static_cast<unsigned char>(piece[0]);
            const auto    kind   = llama_vocab_get_attr(vocab, token);
            if (length <= 0 || first >= ascii || (kind & ~plain) != 0) {
                others.push_back(token);
                continue;
            }
            tokens[first].push_back(token);
            if (length == 1) {
                alone[first] = token;
            }
        }
    }

    /// There is one vocabulary in a process, nearly always.
    static std::shared_ptr<const first_characters> of(const llama_vocab * vocab) {
        static std::mutex                              mutex;
        static const llama_vocab *                     known = nullptr;
        static std::shared_ptr<const first_characters> index;
        const std::lock_guard<std::mutex>              lock(mutex);
        if (index == nullptr || known != vocab) {
            index = std::make_shared<const first_characters>(vocab);
            known = vocab;
        }
        return index;
    }

  private:
    static constexpr int plain = LLAMA_TOKEN_ATTR_NORMAL | LLAMA_TOKEN_ATTR_NORMALIZED;
};

struct atelier_grammar {
    std::unique_ptr<llama_sampler, sampler_deleter> sampler;
    const llama_vocab *                             vocab;
    std::shared_ptr<const first_characters>         characters;
    /// Reused, so that masking allocates no list of the vocabulary each time.
    std::vector<llama_token_data>                   candidates;
    std::vector<float>                              kept;

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
        return new atelier_grammar{ std::unique_ptr<llama_sampler, sampler_deleter>(sampler), vocab, first_characters::of(vocab), {}, {} };
    });
}

atelier_grammar * atelier_grammar_clone(const atelier_grammar * grammar, char ** error) {
    return bridge::guarded(error, static_cast<atelier_grammar *>(nullptr), [&] {
        auto * sampler = llama_sampler_clone(grammar->sampler.get());
        if (sampler == nullptr) {
            throw std::invalid_argument("the grammar cannot be copied");
        }
        return new atelier_grammar{ std::unique_ptr<llama_sampler, sampler_deleter>(sampler), grammar->vocab, grammar->characters, {}, {} };
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
        const auto & characters = *grammar->characters;
        auto &       candidates = grammar->candidates;
        candidates.clear();
        for (const int32_t token : characters.alone) {
            if (token >= 0) {
                candidates.push_back({ token, 0.0f, 0.0f });
            }
        }
        grammar->apply(candidates.data(), candidates.size());
        std::array<bool, first_characters::ascii> refused = {};
        size_t                                    next    = 0;
        for (int character = 0; character < first_characters::ascii; ++character) {
            if (characters.alone[character] >= 0) {
                refused[character] = candidates[next++].logit != 0.0f;
            }
        }
        candidates.clear();
        const auto consider = [&](const std::vector<int32_t> & tokens) {
            for (const int32_t token : tokens) {
                if (token < count && logits[token] != -INFINITY) {
                    candidates.push_back({ token, 0.0f, 0.0f });
                }
            }
        };
        consider(characters.others);
        for (int character = 0; character < first_characters::ascii; ++character) {
            if (!refused[character]) {
                consider(characters.tokens[character]);
            }
        }
        grammar->apply(candidates.data(), candidates.size());
        auto & kept = grammar->kept;
        kept.clear();
        for (const auto & candidate : candidates) {
            kept.push_back(logits[candidate.id]);
        }
        std::fill(logits, logits + count, -INFINITY);
        for (size_t index = 0; index < candidates.size(); ++index) {
            if (candidates[index].logit == 0.0f) {
                logits[candidates[index].id] = kept[index];
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
