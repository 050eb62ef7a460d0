"""A tool must be called, by a model whose template knows no tools."""
import json

from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Workload, chain


def tool(name: str, description: str, **properties) -> dict:
    return {"type": "function", "function": {
        "name": name, "description": description,
        "parameters": {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}}}


TOOLS = [
    tool("get_weather", "The weather of a city", city={"type": "string"}, unit={"type": "string", "enum": ["celsius", "fahrenheit"]}),
    tool("add_numbers", "Adds two whole numbers", left={"type": "integer"}, right={"type": "integer"}),
    tool("set_alarm", "Sets an alarm", hour={"type": "integer", "minimum": 0, "maximum": 23}, label={"type": "string"}),
]
KINDS = {"string": str, "integer": int}


def valid(body: str) -> bool:
    """Whether the answer calls at least one of TOOLS, each call with arguments of the right names and types."""
    try:
        calls = json.loads(body)["choices"][0]["message"]["tool_calls"]
        for call in calls:
            [schema] = [t["function"]["parameters"] for t in TOOLS if t["function"]["name"] == call["function"]["name"]]
            arguments = json.loads(call["function"]["arguments"])
            if set(arguments) != set(schema["required"]):
                return False
            for name, value in arguments.items():
                rule = schema["properties"][name]
                if type(value) is not KINDS[rule["type"]] or value not in rule.get("enum", [value]):
                    return False
        return len(calls) > 0
    except (ValueError, KeyError, TypeError):
        return False


class RequiredTools(Workload):
    name = "required-tools"
    title = "tool_choice: required, a template without tools"
    concurrency = 4
    goals = [Goal("valid share", "≥", 1.0, None)]

    def chains(self, rng, name, model):
        return [
            chain(chat(str(number), name, f"What is the weather in the city of {text.sentence(rng, 1)}", stream=False,
                       max_tokens=200, tools=TOOLS, tool_choice="required", seed=rng.randrange(1 << 30)))
            for number in range(10)
        ]

    def figures(self, answers):
        return {
            "valid share": sum(a.ok and valid(a.body) for a in answers) / len(answers),
            "span ms": figures.span(answers) * 1000,
        }
