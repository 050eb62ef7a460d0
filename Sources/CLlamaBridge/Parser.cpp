#include "Bridge.hpp"
#include "CLlamaBridge.h"

#include <chat.h>

#include <string>
#include <vector>

using json = common_json;

struct atelier_parser {
    common_chat_parser_params params;
    common_chat_msg           message;
    std::string               text;
};

namespace {

/// What of the text is certain. The end of the text may turn out not to have the expected form; then what could be read
/// of it counts, and text of which nothing could be read is an ordinary message.
common_chat_msg parse(const atelier_parser & parser, bool is_final) {
    try {
        return common_chat_parse(parser.text, !is_final, parser.params);
    } catch (const std::exception &) {
        if (!is_final) {
            return parser.message;
        }
    }
    try {
        auto message = common_chat_parse(parser.text, true, parser.params);
        if (!message.empty()) {
            return message;
        }
    } catch (const std::exception &) {
    }
    if (!parser.message.empty()) {
        return parser.message;
    }
    common_chat_msg message;
    message.role    = "assistant";
    message.content = parser.text;
    return message;
}

json description_of(const common_chat_msg_diff & diff) {
    json entry = json::object({});
    if (!diff.reasoning_content_delta.empty()) {
        entry["reasoning"] = diff.reasoning_content_delta;
    }
    if (!diff.content_delta.empty()) {
        entry["content"] = diff.content_delta;
    }
    if (diff.tool_call_index != std::string::npos) {
        json tool = json::object({});
        tool["index"]     = diff.tool_call_index;
        tool["id"]        = diff.tool_call_delta.id;
        tool["name"]      = diff.tool_call_delta.name;
        tool["arguments"] = diff.tool_call_delta.arguments;
        entry["tool"] = tool;
    }
    return entry;
}

}  // namespace

atelier_parser * atelier_parser_create(const char * description, char ** error) {
    return bridge::guarded(error, static_cast<atelier_parser *>(nullptr), [&] {
        const json fields = json::parse(description);
        auto       parser = std::make_unique<atelier_parser>();
        parser->params.format            = static_cast<common_chat_format>(fields.at("format").get<int32_t>());
        parser->params.reasoning_format  = COMMON_REASONING_FORMAT_AUTO;
        parser->params.generation_prompt = fields.at("generation_prompt").get<std::string>();
        parser->params.is_continuation   = fields.at("continuation").get<bool>();
        const auto arena = fields.at("parser").get<std::string>();
        if (!arena.empty()) {
            parser->params.parser.load(arena);
        }
        if (parser->params.is_continuation) {
            parser->message = common_chat_parse("", true, parser->params);
        }
        return parser.release();
    });
}

void atelier_parser_free(atelier_parser * parser) {
    delete parser;
}

char * atelier_parser_feed(atelier_parser * parser, const char * text, size_t length, bool is_final, char ** error) {
    return bridge::guarded(error, static_cast<char *>(nullptr), [&] {
        parser->text.append(text, length);
        auto message = parse(*parser, is_final);
        json reply   = json::array();
        try {
            for (const auto & diff : common_chat_msg_diff::compute_diffs(parser->message, message)) {
                reply.push_back(description_of(diff));
            }
            parser->message = std::move(message);
        } catch (const std::exception &) {
            // What was reported cannot be taken back: a reading that contradicts it is dropped.
        }
        return bridge::copy(reply.dump_safe());
    });
}
