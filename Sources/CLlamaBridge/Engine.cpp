#include "CLlamaBridge.h"

#include <common.h>
#include <llama.h>
#include <log.h>

#include <cstdint>
#include <cstdlib>

void atelier_text_free(char * text) {
    std::free(text);
}

int32_t atelier_physical_cores(void) {
    try {
        const int32_t cores = common_cpu_get_num_physical_cores();
        return cores > 0 ? cores : 1;
    } catch (...) {
        return 1;
    }
}

void atelier_silence_common_log(void) {
    common_log_set_verbosity_thold(-1);
}

int32_t atelier_tokenize(const llama_vocab * vocab, const char * text, int32_t length, int32_t * tokens,
                         int32_t capacity, bool add_special, bool parse_special) {
    try {
        return llama_tokenize(vocab, text, length, tokens, capacity, add_special, parse_special);
    } catch (...) {
        return INT32_MIN;
    }
}

int32_t atelier_decode(llama_context * context, int32_t rows, const int32_t * tokens, const int32_t * positions,
                       const int32_t * sequence_counts, int32_t * const * sequence_pointers, const int8_t * outputs) {
    // llama_batch's members are not const, but llama_decode only reads them.
    llama_batch batch = {};
    batch.n_tokens = rows;
    batch.token    = const_cast<int32_t *>(tokens);
    batch.pos      = const_cast<int32_t *>(positions);
    batch.n_seq_id = const_cast<int32_t *>(sequence_counts);
    batch.seq_id   = const_cast<int32_t **>(sequence_pointers);
    batch.logits   = const_cast<int8_t *>(outputs);
    try {
        return llama_decode(context, batch);
    } catch (...) {
        return INT32_MIN;
    }
}

int32_t atelier_decode_picture(llama_context * context, int32_t rows, const float * values, const int32_t * positions,
                               const int32_t * sequence_counts, int32_t * const * sequence_pointers,
                               const int8_t * outputs, bool sees_all) {
    llama_batch batch = {};
    batch.n_tokens = rows;
    batch.embd     = const_cast<float *>(values);
    batch.pos      = const_cast<int32_t *>(positions);
    batch.n_seq_id = const_cast<int32_t *>(sequence_counts);
    batch.seq_id   = const_cast<int32_t **>(sequence_pointers);
    batch.logits   = const_cast<int8_t *>(outputs);
    int32_t status = INT32_MIN;
    try {
        if (sees_all) {
            llama_set_causal_attn(context, false);
        }
        status = llama_decode(context, batch);
    } catch (...) {
    }
    if (sees_all) {
        llama_set_causal_attn(context, true);
    }
    return status;
}
