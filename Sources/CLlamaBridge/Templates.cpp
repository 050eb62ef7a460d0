#include "Bridge.hpp"
#include "Budget.hpp"
#include "CLlamaBridge.h"

#include <chat.h>
#include <common.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using json = common_json;

struct atelier_templates {
    common_chat_templates_ptr templates;
};

namespace {

/// Templates that want arguments as objects are given objects: text that is no JSON becomes `{"_raw": text}`.
void make_arguments_parsable(std::vector<common_chat_msg> & messages) {
    for (auto & message : messages) {
        for (auto & call : message.tool_calls) {
            if (call.arguments.empty()) {
                call.arguments = "{}";
            } else if (json::parse_no_throw(call.arguments).is_discarded()) {
                json raw = json::object({});
                raw["_raw"] = call.arguments;
                call.arguments = raw.dump_safe();
            }
        }
    }
}

common_chat_templates_inputs inputs_of(const json & request) {
    common_chat_templates_inputs inputs;
    inputs.messages = common_chat_msgs_parse_oaicompat(request.at("messages"));
    make_arguments_parsable(inputs.messages);
    for (const auto & tool : request.at("tools")) {
        inputs.tools.push_back({
            tool.at("name").get<std::string>(),
            tool.at("description").get<std::string>(),
            tool.at("parameters").get<std::string>(),
        });
    }
    inputs.tool_choice           = common_chat_tool_choice_parse_oaicompat(request.at("tool_choice").get<std::string>());
    inputs.parallel_tool_calls   = request.at("parallel_tool_calls").get<bool>();
    inputs.json_schema           = request.at("json_schema").get<std::string>();
    inputs.enable_thinking       = request.at("enable_thinking").get<bool>();
    inputs.add_generation_prompt = request.at("add_generation_prompt").get<bool>();
    inputs.reasoning_format      = COMMON_REASONING_FORMAT_AUTO;
    if (request.at("continue_final_message").get<bool>()) {
        inputs.continue_final_message = COMMON_CHAT_CONTINUATION_AUTO;
    }
    const json arguments = json::parse(request.at("arguments").get<std::string>());
    for (const auto & [key, value] : arguments.items()) {
        inputs.chat_template_kwargs[key] = value.dump();
    }
    return inputs;
}

/// Words, patterns (whole-text ones anchored, as `llama_sampler_init_grammar_lazy_patterns` wants them) and token ids.
void add_triggers(const std::vector<common_grammar_trigger> & triggers, json & reply) {
    json words    = json::array();
    json patterns = json::array();
    json tokens   = json::array();
    for (const auto & trigger : triggers) {
        switch (trigger.type) {
            case COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN:
                tokens.push_back(trigger.token);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_WORD:
                words.push_back(trigger.value);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN:
                patterns.push_back(trigger.value);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL: {
                const auto & pattern = trigger.value;
                if (pattern.empty()) {
                    patterns.push_back("^$");
                } else {
                    patterns.push_back((pattern.front() != '^' ? "^" : "") + pattern +
                                       (pattern.back() != '$' ? "$" : ""));
                }
                break;
            }
        }
    }
    reply["trigger_words"]    = words;
    reply["trigger_patterns"] = patterns;
    reply["trigger_tokens"]   = tokens;
}

/// Within the budget of code from a model file.
template <typename Result, typename Body> Result limited(char ** error, Result failure, Body && body) {
    Result result = failure;
    const bool has_run = bridge::on_deep_stack([&] {
        const bridge::Budget budget;
        result = bridge::guarded(error, failure, body);
        if (budget.is_exceeded() && result == failure) {
            std::free(*error);
            *error = bridge::copy(bridge::budget_exceeded);
        }
    });
    if (!has_run) {
        *error = bridge::copy("there is no thread for the template");
    }
    return result;
}

/// llama.cpp tries a template out to see what it can do, and takes any error as an answer; so a template that exceeds its
/// budget there has to be found out afterwards.
template <typename Make> atelier_templates * made(char ** error, Make && make) {
    return limited(error, static_cast<atelier_templates *>(nullptr), [&] {
        const bridge::Budget budget;
        auto result = std::make_unique<atelier_templates>();
        result->templates = make();
        if (budget.is_exceeded()) {
            throw std::runtime_error(bridge::budget_exceeded);
        }
        return result.release();
    });
}

const char * checked(const char * source) {
    if (!bridge::is_reasonable(source)) {
        throw std::runtime_error("the template is too long or nested too deeply");
    }
    return source;
}

}  // namespace

atelier_templates * atelier_templates_create(const llama_model * model, char ** error) {
    return made(error, [&] {
        if (const char * source = llama_model_chat_template(model, nullptr)) {
            checked(source);
        }
        return common_chat_templates_init(model, "");
    });
}

atelier_templates * atelier_templates_create_replacing(const llama_model * model, const char * source, char ** error) {
    return made(error, [&] { return common_chat_templates_init(model, checked(source)); });
}

atelier_templates * atelier_templates_create_from_source(const char * source, const char * bos, const char * eos,
                                                         char ** error) {
    return made(error, [&] { return common_chat_templates_init(nullptr, checked(source), bos, eos); });
}

void atelier_templates_free(atelier_templates * templates) {
    bridge::on_deep_stack([&] { delete templates; });
}

char * atelier_templates_describe(const atelier_templates * templates, char ** error) {
    return limited(error, static_cast<char *>(nullptr), [&] {
        json reply = json::object({});
        for (const auto & [name, value] : common_chat_templates_get_caps(templates->templates.get())) {
            reply[name] = value;
        }
        reply["source"] = common_chat_templates_source(templates->templates.get());
        return bridge::copy(reply.dump_safe());
    });
}

char * atelier_templates_apply(const atelier_templates * templates, const char * request, char ** error) {
    return limited(error, static_cast<char *>(nullptr), [&] {
        const auto params = common_chat_templates_apply(templates->templates.get(), inputs_of(json::parse(request)));
        if (params.prompt.size() > bridge::max_prompt_bytes) {
            throw std::runtime_error("the template makes a prompt that is too long");
        }
        json reply = json::object({});
        reply["prompt"]            = params.prompt;
        reply["generation_prompt"] = params.generation_prompt;
        reply["grammar"]           = params.grammar;
        reply["grammar_lazy"]      = params.grammar_lazy;
        add_triggers(params.grammar_triggers, reply);
        reply["stops"]             = params.additional_stops;
        reply["preserved"]         = params.preserved_tokens;
        reply["supports_thinking"] = params.supports_thinking;
        reply["thinking_start"]    = params.thinking_start_tag;
        reply["thinking_ends"]     = params.thinking_end_tags;
        reply["format"]            = static_cast<int32_t>(params.format);
        reply["parser"]            = params.parser;
        return bridge::copy(reply.dump_safe());
    });
}
