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

#ifdef __cplusplus
}
#endif
