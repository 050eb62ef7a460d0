"""Answers under a strict JSON schema."""
import json

from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Workload, chain

SKILLS = ["reading", "writing", "cooking", "driving", "programming", "gardening"]
SCHEMA = {
    "type": "object", "additionalProperties": False,
    "required": ["full_name", "age_in_years", "is_employed", "skills", "home_address"],
    "properties": {
        "full_name": {"type": "string", "maxLength": 40},
        "age_in_years": {"type": "integer", "minimum": 18, "maximum": 99},
        "is_employed": {"type": "boolean"},
        "skills": {"type": "array", "minItems": 3, "maxItems": 5, "items": {"type": "string", "enum": SKILLS}},
        "home_address": {
            "type": "object", "additionalProperties": False, "required": ["street_name", "house_number", "city_name", "postal_code"],
            "properties": {
                "street_name": {"type": "string", "maxLength": 30}, "house_number": {"type": "integer", "minimum": 1, "maximum": 999},
                "city_name": {"type": "string", "maxLength": 30}, "postal_code": {"type": "string", "pattern": "^[0-9]{5}$"}}}},
}


def valid(answer: str) -> bool:
    """Whether the text is JSON that SCHEMA accepts."""
    try:
        person = json.loads(answer)
        home = person["home_address"]
        return (
            set(person) == set(SCHEMA["required"]) and len(person["full_name"]) <= 40
            and type(person["age_in_years"]) is int and 18 <= person["age_in_years"] <= 99
            and type(person["is_employed"]) is bool
            and 3 <= len(person["skills"]) <= 5 and all(skill in SKILLS for skill in person["skills"])
            and set(home) == {"street_name", "house_number", "city_name", "postal_code"}
            and len(home["street_name"]) <= 30 and len(home["city_name"]) <= 30
            and type(home["house_number"]) is int and 1 <= home["house_number"] <= 999
            and len(home["postal_code"]) == 5 and home["postal_code"].isascii() and home["postal_code"].isdigit())
    except (ValueError, KeyError, TypeError):
        return False


class StrictJSON(Workload):
    def __init__(self, streams: int, model: str = "smollm2"):
        self.streams, self.model = streams, model
        prefix = "" if model == "smollm2" else f"{model}-"
        self.name = f"{prefix}json-{streams}"
        self.title = f"Strict JSON schema, {streams} stream{'s' if streams > 1 else ''}" + (f", {model}" if prefix else "")
        least = {1: 1.6, 8: 1.4}[streams]
        self.goals = [Goal("valid share", "≥", 1.0, None)]
        self.goals += [Goal("inter-token p99 ms", "≤", 0.4)] if prefix else [Goal("output tok/s", "≥", least)]

    def chains(self, rng, name, model):
        schema = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}
        return [
            chain(*(chat(f"{client}.{turn}", name, f"Describe a person as JSON. {text.sentence(rng, 10)}", max_tokens=256,
                         response_format=schema, seed=rng.randrange(1 << 30)) for turn in range(3)))
            for client in range(self.streams)
        ]

    def figures(self, answers):
        finished = [a for a in answers if a.finish == "stop"]
        return figures.streaming(answers) | {
            "valid share": sum(valid(a.text) for a in finished) / len(finished) if finished else float("nan"),
            "finished": len(finished), "tokens an answer": sum(a.completion_tokens for a in answers) / len(answers)}
