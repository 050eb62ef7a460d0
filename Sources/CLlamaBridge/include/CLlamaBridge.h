#pragma once

// A plain C face over the parts of llama.cpp that throw C++ exceptions or exist only as C++ (`common`: chat templates,
// output parsers, schema to grammar). No exception crosses this border, and every text is UTF-8.
//
// Convention: a function that can fail takes `char **error`. On failure it returns NULL (or false, or a negative number)
// and stores a message that the caller releases with `atelier_text_free`. `error` may not be NULL.
// Returned `char *` texts are released with `atelier_text_free` too.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct llama_model;
struct llama_context;
struct llama_vocab;

typedef struct atelier_templates atelier_templates;
typedef struct atelier_parser atelier_parser;
typedef struct atelier_grammar atelier_grammar;
typedef struct atelier_vision atelier_vision;
typedef struct atelier_pieces atelier_pieces;

void atelier_text_free(char *text);

/// Processor cores that are no hyper-threads of one another; at least 1.
int32_t atelier_physical_cores(void);

/// Silences llama.cpp's `common` logger, which writes to standard error on its own.
void atelier_silence_common_log(void);

/// As `llama_tokenize`; INT32_MIN when llama.cpp threw.
int32_t atelier_tokenize(const struct llama_vocab *vocab, const char *text, int32_t length, int32_t *tokens,
                         int32_t capacity, bool add_special, bool parse_special);

/// As `llama_decode` over rows of one sequence each; INT32_MIN when llama.cpp threw. `sequence_pointers[i]` points to
/// the row's sequence number and `sequence_counts[i]` is 1.
int32_t atelier_decode(struct llama_context *context, int32_t rows, const int32_t *tokens, const int32_t *positions,
                       const int32_t *sequence_counts, int32_t *const *sequence_pointers, const int8_t *outputs);

/// The same for rows of numbers instead of tokens: rows of one picture. No row's logits are kept. `positions` holds one
/// number a row, or four after each other for models with M-RoPE: first of all rows, second of all rows, ... `sees_all`:
/// the rows see each other, later ones too; then `rows` may not exceed the context's `n_ubatch`.
int32_t atelier_decode_picture(struct llama_context *context, int32_t rows, const float *values,
                               const int32_t *positions, const int32_t *sequence_counts,
                               int32_t *const *sequence_pointers, const int8_t *outputs, bool sees_all);

// Chat templates

/// Parses the model's own template, or the ChatML one when it has none.
atelier_templates *atelier_templates_create(const struct llama_model *model, char **error);
/// The same with template text in place of the model's own.
atelier_templates *atelier_templates_create_replacing(const struct llama_model *model, const char *source, char **error);
/// The same for template text, without a model.
atelier_templates *atelier_templates_create_from_source(const char *source, const char *bos, const char *eos,
                                                        char **error);
void atelier_templates_free(atelier_templates *templates);

/// JSON object of `source` and llama.cpp's analysis of it (`supports_tools`, `supports_system_role`, ...).
char *atelier_templates_describe(const atelier_templates *templates, char **error);

/// Renders. `request` is a JSON object: `messages` (OpenAI's form), `tools` ([{name, description, parameters: text}]),
/// `tool_choice` (auto, none, required), `parallel_tool_calls`, `json_schema` (text, empty for none),
/// `enable_thinking`, `arguments` (text of an object for the template), `continue_final_message`, `add_generation_prompt`.
/// Returns a JSON object: `prompt`, `generation_prompt`, `grammar`, `grammar_lazy`, `trigger_words`, `trigger_patterns`,
/// `trigger_tokens`, `stops`, `preserved`, `supports_thinking`, `thinking_start`, `thinking_ends`, and `format` and
/// `parser` for `atelier_parser_create`.
char *atelier_templates_apply(const atelier_templates *templates, const char *request, char **error);

// Output parsers

/// `description` is a JSON object of `format`, `parser`, `generation_prompt` (as given by `atelier_templates_apply`) and
/// `continuation` (the answer continues the last message, whose text is not to be repeated).
atelier_parser *atelier_parser_create(const char *description, char **error);
void atelier_parser_free(atelier_parser *parser);

/// Appends text and parses everything so far, so the cost of a call grows with the whole text. Returns a JSON array of
/// differences since the last call: {reasoning?, content?, tool?: {index, id, name, arguments}}.
char *atelier_parser_feed(atelier_parser *parser, const char *text, size_t length, bool is_final, char **error);

// Grammars

/// GBNF text of a JSON schema as llama.cpp's own formats of tool calls use it.
char *atelier_schema_to_grammar(const char *schema, char **error);

/// Compiles GBNF text with the start symbol `root`. With triggers it comes into force at the first of them.
atelier_grammar *atelier_grammar_create(const struct llama_vocab *vocab, const char *grammar,
                                        const char *const *trigger_patterns, size_t pattern_count,
                                        const int32_t *trigger_tokens, size_t token_count, char **error);
/// A second grammar in the same state. The original is only read.
atelier_grammar *atelier_grammar_clone(const atelier_grammar *grammar, char **error);
void atelier_grammar_free(atelier_grammar *grammar);
bool atelier_grammar_allows(atelier_grammar *grammar, int32_t token);
/// Sets the logit of every token that may not come next to -infinity.
void atelier_grammar_mask(atelier_grammar *grammar, float *logits, int32_t count);
/// Advances. False when the grammar does not allow the token; the state is then unchanged or at a dead end.
bool atelier_grammar_accept(atelier_grammar *grammar, int32_t token);

// Pictures

enum atelier_image_format {
    ATELIER_IMAGE_PNG,
    ATELIER_IMAGE_JPEG,
    ATELIER_IMAGE_WEBP,
    ATELIER_IMAGE_GIF,
    ATELIER_IMAGE_BMP,
};

enum atelier_image_status {
    ATELIER_IMAGE_OK,
    /// Not what its first bytes promise, or not all of it.
    ATELIER_IMAGE_DAMAGED,
    /// An animation in a format of which only still pictures are read.
    ATELIER_IMAGE_ANIMATED,
    /// Decoding would take more memory than is given to it.
    ATELIER_IMAGE_TOO_LARGE,
    ATELIER_IMAGE_TIMED_OUT,
};

/// A decoded picture: three bytes a pixel (red, green, blue), row after row, without gaps.
typedef struct {
    uint32_t width;
    uint32_t height;
    uint8_t *pixels;
} atelier_image;

/// Decodes an image file, of a GIF the first picture, and scales it down until its longer side has at most `longest_side`
/// pixels. What is transparent is laid over white. `width` and `height` are the size that the file's header states: a file
/// that holds another size is damaged. Gives up after `seconds`. Returns an `atelier_image_status`; on success
/// `image->pixels` is released with `atelier_image_free`.
int32_t atelier_image_decode(int32_t format, const uint8_t *bytes, size_t count, uint32_t width, uint32_t height,
                             uint32_t longest_side, double seconds, atelier_image *image);
void atelier_image_free(atelier_image *image);

/// The size that `atelier_image_decode` scales a picture to.
void atelier_image_scaled_size(uint32_t *width, uint32_t *height, uint32_t longest_side);

// What pictures are to a model

/// Takes mtmd's log. `level` is a `ggml_log_level`. Called from any thread.
void atelier_vision_log(void (*log)(int32_t level, const char *text));

/// Loads the projector beside a model. Fails for one that reads no images or does not fit the model.
atelier_vision *atelier_vision_create(const char *projector, const struct llama_model *model, int32_t threads,
                                      char **error);
void atelier_vision_free(atelier_vision *vision);
/// Numbers a row has.
int32_t atelier_vision_width(const atelier_vision *vision);
/// Positions have four numbers (M-RoPE).
bool atelier_vision_has_grid(const atelier_vision *vision);

/// Takes a picture apart into what stands in the prompt for it: tokens around it and between its parts, and rows. Without
/// `pixels` only their numbers are known. Any thread may call it.
atelier_pieces *atelier_vision_split(const atelier_vision *vision, uint32_t width, uint32_t height,
                                     const uint8_t *pixels, char **error);
void atelier_pieces_free(atelier_pieces *pieces);
int32_t atelier_pieces_count(const atelier_pieces *pieces);

typedef struct {
    /// NULL: rows of the picture. Else as many tokens as `rows`; they live as long as the pieces.
    const int32_t *tokens;
    int32_t rows;
    /// Positions that the rows take together.
    int32_t positions;
    /// The rows see each other, later ones too.
    bool sees_all;
} atelier_piece;

atelier_piece atelier_pieces_get(const atelier_pieces *pieces, int32_t index);
/// Distances of each row from the piece's first position: 3 x rows numbers, the first of all rows, the second, the third.
void atelier_pieces_offsets(const atelier_pieces *pieces, int32_t index, int32_t *offsets);

/// Computes the rows of a piece: rows x width numbers. One call at a time.
bool atelier_vision_encode(atelier_vision *vision, const atelier_pieces *pieces, int32_t index, float *values,
                           char **error);

#ifdef __cplusplus
}
#endif
