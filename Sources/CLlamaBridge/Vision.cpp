#include "Bridge.hpp"
#include "CLlamaBridge.h"

#include <gguf.h>
#include <llama.h>
#include <mtmd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

struct context_deleter {
    void operator()(mtmd_context * context) const { mtmd_free(context); }
};

struct bitmap_deleter {
    void operator()(mtmd_bitmap * bitmap) const { mtmd_bitmap_free(bitmap); }
};

struct chunks_deleter {
    void operator()(mtmd_input_chunks * chunks) const { mtmd_input_chunks_free(chunks); }
};

struct gguf_deleter {
    void operator()(gguf_context * file) const { gguf_free(file); }
};

std::string text_of(const gguf_context * file, const char * key) {
    const auto index = gguf_find_key(file, key);
    return index >= 0 && gguf_get_kv_type(file, index) == GGUF_TYPE_STRING ? gguf_get_val_str(file, index) : "";
}

/// Rows that depend on where in the prompt the picture stands, or which one of it it is, cannot be shared by prompts.
void refuse_dependent_rows(const char * projector) {
    gguf_init_params                              params = { true, nullptr };
    const std::unique_ptr<gguf_context, gguf_deleter> file(gguf_init_from_file(projector, params));
    if (file == nullptr) {
        throw std::invalid_argument("the projector is no GGUF file");
    }
    for (const auto * key : { "clip.projector_type", "clip.vision.projector_type" }) {
        const auto type = text_of(file.get(), key);
        if (type == "deepseek4v" || type == "hunyuanvl") {
            throw std::invalid_argument("projectors of the type " + type + " are not supported");
        }
    }
}

std::atomic<void (*)(int32_t, const char *)> log_target{ nullptr };

}  // namespace

struct atelier_vision {
    std::unique_ptr<mtmd_context, context_deleter> context;
    int32_t                                        width;
};

struct atelier_pieces {
    std::unique_ptr<mtmd_input_chunks, chunks_deleter> chunks;
    const mtmd_context *                               context;

    const mtmd_input_chunk * chunk(int32_t index) const {
        return mtmd_input_chunks_get(chunks.get(), static_cast<size_t>(index));
    }
};

void atelier_vision_log(void (*log)(int32_t level, const char * text)) {
    log_target = log;
    mtmd_log_set(
        [](ggml_log_level level, const char * text, void *) {
            if (auto * target = log_target.load()) {
                target(static_cast<int32_t>(level), text);
            }
        },
        nullptr);
}

atelier_vision * atelier_vision_create(const char * projector, const llama_model * model, int32_t threads,
                                       char ** error) {
    return bridge::guarded(error, static_cast<atelier_vision *>(nullptr), [&] {
        refuse_dependent_rows(projector);
        auto params          = mtmd_context_params_default();
        params.print_timings = false;
        params.n_threads     = threads;
        std::unique_ptr<mtmd_context, context_deleter> context(mtmd_init_from_file(projector, model, params));
        if (context == nullptr) {
            throw std::invalid_argument("the projector is damaged or does not fit the model");
        }
        if (!mtmd_support_vision(context.get())) {
            throw std::invalid_argument("the projector reads no images");
        }
        return new atelier_vision{ std::move(context), llama_model_n_embd_inp(model) };
    });
}

void atelier_vision_free(atelier_vision * vision) {
    delete vision;
}

int32_t atelier_vision_width(const atelier_vision * vision) {
    return vision->width;
}

bool atelier_vision_has_grid(const atelier_vision * vision) {
    return mtmd_decode_use_mrope(vision->context.get());
}

atelier_pieces * atelier_vision_split(const atelier_vision * vision, uint32_t width, uint32_t height,
                                      const uint8_t * pixels, char ** error) {
    return bridge::guarded(error, static_cast<atelier_pieces *>(nullptr), [&] {
        const std::unique_ptr<mtmd_bitmap, bitmap_deleter> bitmap(mtmd_bitmap_init(width, height, pixels));
        const mtmd_input_part   part  = { nullptr, bitmap.get() };
        const mtmd_input_part * parts = &part;

        std::unique_ptr<mtmd_input_chunks, chunks_deleter> chunks(mtmd_input_chunks_init());
        if (mtmd_tokenize_from_parts(vision->context.get(), chunks.get(), &parts, 1, false) != 0) {
            throw std::runtime_error("the picture cannot be taken apart");
        }
        return new atelier_pieces{ std::move(chunks), vision->context.get() };
    });
}

void atelier_pieces_free(atelier_pieces * pieces) {
    delete pieces;
}

int32_t atelier_pieces_count(const atelier_pieces * pieces) {
    return static_cast<int32_t>(mtmd_input_chunks_size(pieces->chunks.get()));
}

atelier_piece atelier_pieces_get(const atelier_pieces * pieces, int32_t index) {
    const auto *  chunk = pieces->chunk(index);
    atelier_piece piece = {};
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
        size_t count    = 0;
        piece.tokens    = mtmd_input_chunk_get_tokens_text(chunk, &count);
        piece.rows      = static_cast<int32_t>(count);
        piece.positions = piece.rows;
        return piece;
    }
    piece.rows      = static_cast<int32_t>(mtmd_input_chunk_get_n_tokens(chunk));
    piece.positions = mtmd_input_chunk_get_n_pos(chunk);
    piece.sees_all  = mtmd_decode_use_non_causal(pieces->context, chunk);
    return piece;
}

void atelier_pieces_offsets(const atelier_pieces * pieces, int32_t index, int32_t * offsets) {
    const auto * tokens = mtmd_input_chunk_get_tokens_image(pieces->chunk(index));
    if (tokens == nullptr) {
        return;
    }
    const size_t rows = mtmd_image_tokens_get_n_tokens(tokens);
    for (size_t row = 0; row < rows; ++row) {
        const auto place        = mtmd_image_tokens_get_decoder_pos(tokens, 0, row);
        offsets[row]            = static_cast<int32_t>(place.t);
        offsets[rows + row]     = static_cast<int32_t>(place.y);
        offsets[2 * rows + row] = static_cast<int32_t>(place.x);
    }
}

bool atelier_vision_encode(atelier_vision * vision, const atelier_pieces * pieces, int32_t index, float * values,
                           char ** error) {
    return bridge::guarded(error, false, [&] {
        const auto * chunk = pieces->chunk(index);
        if (mtmd_encode_chunk(vision->context.get(), chunk) != 0) {
            throw std::runtime_error("the projector failed");
        }
        const auto count = mtmd_input_chunk_get_n_tokens(chunk) * static_cast<size_t>(vision->width);
        std::memcpy(values, mtmd_get_output_embd(vision->context.get()), count * sizeof(float));
        return true;
    });
}
